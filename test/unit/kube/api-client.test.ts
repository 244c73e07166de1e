import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { firstValueFrom, toArray } from 'rxjs';
import { ApiClient } from '../../../core/kube/api/api-client.ts';
import { ApiError } from '../../../core/kube/api/api-error.ts';
import type { ClusterAccess } from '../../../core/kube/api/kubeconfig.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { systemClock } from '../../../core/telemetry/system-clock.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

describe('ApiClient', () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  const clients: ApiClient[] = [];

  beforeEach(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => answer(request, response, body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    server.closeAllConnections();
    server.close();
  });

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = (access: Partial<ClusterAccess> = {}, clock = systemClock) => {
    const made = new ApiClient({ access: { server: url(), insecureSkipTLSVerify: false, namespace: 'default', token: 't', ...access }, clock, logger: silentLogger, userAgent: 'wasmlet/1' });
    clients.push(made);
    return made;
  };
  const json = (response: ServerResponse, code: number, body: object, headers: Record<string, string> = {}) => response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

  it('sends JSON with its credentials and reads JSON', async () => {
    let seen: unknown;
    answer = (request, response, body) => {
      seen = [request.method, request.url, request.headers.authorization, request.headers['content-type'], request.headers['user-agent'], body];
      json(response, 200, { ok: 1 });
    };
    const result = await client().call({ method: 'PATCH', path: '/x', query: { a: 'b c', none: undefined }, body: { p: 1 }, contentType: 'application/merge-patch+json' });
    assert.deepEqual(result, { ok: 1 });
    assert.deepEqual(seen, ['PATCH', '/x?a=b+c', 'Bearer t', 'application/merge-patch+json', 'wasmlet/1', '{"p":1}']);
  });

  it('uses one connection for calls that follow one another', async () => {
    const ports = new Set<number | undefined>();
    answer = (request, response) => {
      ports.add(request.socket.remotePort);
      json(response, 200, {});
    };
    const api = client();
    for (let index = 0; index < 5; index++) await api.call({ method: 'GET', path: '/x' });
    assert.equal(ports.size, 1);
  });

  it('throws what the Status says, and something readable for what is none', async () => {
    answer = (request, response) =>
      request.url === '/status' ? json(response, 409, { kind: 'Status', reason: 'AlreadyExists', message: 'it is there', details: { causes: [{ field: 'metadata.name' }] } }) : response.writeHead(502).end('<html>bad gateway</html>');
    await assert.rejects(client().call({ method: 'POST', path: '/status', body: {} }), (error: unknown) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.code, error.reason, error.message, error.fields], [409, 'AlreadyExists', 'POST /status: it is there', ['metadata.name']]);
      return true;
    });
    await assert.rejects(client().call({ method: 'GET', path: '/x' }), /GET \/x: HTTP 502: <html>bad gateway/);
  });

  it('waits for Retry-After and tries again, but not past its deadline', async () => {
    let calls = 0;
    answer = (_request, response) => (++calls % 2 === 1 ? json(response, 429, { kind: 'Status', message: 'slow down' }, { 'retry-after': '7' }) : json(response, 200, {}));
    const clock = new VirtualClock();
    const api = client({}, clock);
    const call = api.call({ method: 'GET', path: '/x' });
    while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await clock.advance(200, () => new Promise((resolve) => setTimeout(resolve, 1)));
    await call;
    assert.equal(calls, 2);
    await assert.rejects(api.call({ method: 'GET', path: '/x', deadline: 5_000 }), (error: unknown) => error instanceof ApiError && error.retryAfter === 7_000);
  });

  it('gives up at its deadline, also in the middle of an answer', async () => {
    answer = (request, response) => {
      if (request.url === '/half') response.writeHead(200).write('{"a":');
    };
    await assert.rejects(client().call({ method: 'GET', path: '/never', deadline: 50 }), /GET \/never: no answer within 0\.05 s/);
    await assert.rejects(client().call({ method: 'GET', path: '/half', deadline: 50 }), /no answer within/);
  });

  it('asks for credentials anew after a 401, once', async () => {
    let calls = 0;
    answer = (_request, response) => {
      calls++;
      json(response, 401, { kind: 'Status', message: 'Unauthorized' });
    };
    await assert.rejects(client().call({ method: 'GET', path: '/x' }), (error: unknown) => error instanceof ApiError && error.code === 401);
    assert.equal(calls, 2);
  });

  it('repeats a call whose kept connection had just been closed', async () => {
    let calls = 0;
    answer = (request, response) => {
      // The second comes on the kept connection, which dies without an answer.
      if (++calls === 2) request.socket.destroy();
      else json(response, 200, {});
    };
    const api = client();
    await api.call({ method: 'GET', path: '/x' });
    await api.call({ method: 'POST', path: '/x', body: {} });
    assert.equal(calls, 3);
  });

  it('throws when nobody listens', async () => {
    const api = client();
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(api.call({ method: 'GET', path: '/x' }), /ECONNREFUSED/);
  });

  it('goes through the proxy that the kubeconfig names', async () => {
    answer = (_request, response) => json(response, 200, { reached: true });
    const wanted: string[] = [];
    const proxy = createServer((request, response) => {
      wanted.push(request.url ?? '');
      const target = new URL(request.url ?? '');
      const socket = connect(Number(target.port), target.hostname, () => socket.end(`GET ${target.pathname} HTTP/1.1\r\nhost: ${target.host}\r\nconnection: close\r\n\r\n`));
      socket.pipe(response.socket as Socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const api = client({ proxyURL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
      assert.deepEqual(await api.call({ method: 'GET', path: '/x' }), { reached: true });
      assert.deepEqual(wanted, [`${url()}/x`]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  describe('lines', () => {
    it('come whole, however the bytes are cut, and the cut rest of a broken stream does not come', async () => {
      const text = Buffer.from('{"a":"ä"}\n\n{"b":1}\n{"c":');
      answer = (_request, response) => {
        response.writeHead(200);
        let sent = 0;
        const next = () => {
          if (sent === text.length) return void response.end();
          response.write(text.subarray(sent, ++sent));
          setImmediate(next);
        };
        next();
      };
      assert.deepEqual(await firstValueFrom(client().lines({ path: '/w' }).pipe(toArray())), ['{"a":"ä"}', '{"b":1}']);
    });

    it('end their connection when they are unsubscribed', async () => {
      const closed = new Promise<void>((resolve) => {
        answer = (request, response) => {
          request.socket.once('close', resolve);
          response.writeHead(200).write('{}\n');
        };
      });
      const subscription = client().lines({ path: '/w' }).subscribe(() => subscription.unsubscribe());
      await closed;
    });

    it('error with what the server says', async () => {
      answer = (_request, response) => json(response, 403, { kind: 'Status', reason: 'Forbidden', message: 'not you' });
      await assert.rejects(firstValueFrom(client().lines({ path: '/w' })), /not you/);
    });
  });
});
