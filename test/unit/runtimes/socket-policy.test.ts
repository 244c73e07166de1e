import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GuestTask } from '../../../core/api/runtime.ts';
import { openGuestFiles } from '../../../runtimes/jco/filesystem/guest-files.ts';
import { GuestContext } from '../../../runtimes/jco/host/guest-context.ts';
import { NetworkPolicy } from '../../../runtimes/jco/network/network-policy.ts';
import { SocketPolicy } from '../../../runtimes/jco/sockets/socket-policy.ts';
import { TestGuestHost } from '../../support/guest-host.ts';

describe('sockets that a component opens by itself', () => {
  const open = (descriptors: number) => {
    const host = new TestGuestHost({ descriptors });
    const files = openGuestFiles(host);
    const context = new GuestContext({} as GuestTask, host);
    return { host, files, of02: new SocketPolicy(context, new NetworkPolicy(), files.table), of03: new SocketPolicy(context, new NetworkPolicy(), files.table) };
  };

  it('count with those of the other version and with files, for the guest and for the node', () => {
    const { host, files, of02, of03 } = open(3);
    assert.ok(of02.open());
    assert.ok(of03.open());
    assert.equal(host.descriptors, 2);
    const file = files.table.hold(() => ({ close() {} }));
    assert.equal(of03.open(), false);
    files.table.release(file);
    assert.ok(of03.open());
    of02.closed();
    of03.closed();
    assert.equal(host.descriptors, 1);
  });

  it('are refused when the node has none to spare', () => {
    const { host, of02 } = open(3);
    host.nodeHasDescriptors = () => false;
    assert.equal(of02.open(), false);
  });

  it('may be closed after the guest\'s files', () => {
    const { host, files, of02 } = open(3);
    assert.ok(of02.open());
    files.close();
    of02.closed();
    assert.equal(host.descriptors, 0);
  });
});
