import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, PodSpec } from '../../../core/api/kubernetes.ts';
import { explainUnheededFields } from '../../../core/pod/admission/explain-unheeded-fields.ts';
import { testPod } from './support.ts';

const container = (securityContext: Container['securityContext']): Container => ({ name: 'main', image: 'i', ...(securityContext === undefined ? {} : { securityContext }) });
const explain = (spec: Partial<PodSpec>): string | undefined => explainUnheededFields(testPod('p', { containers: [container(undefined)], ...spec }));

test('says nothing of what every guest keeps, which Pod Security Standards ask for', () => {
  const restricted = { runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };
  assert.equal(explain({ securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, containers: [container(restricted)] }), undefined);
  assert.equal(explain({ securityContext: {}, hostAliases: [] }), undefined);
});

test('names each field once, of the pod and of any container', () => {
  assert.equal(
    explain({ securityContext: { runAsUser: 0, fsGroup: 2000 }, initContainers: [container({ runAsUser: 1000, capabilities: { add: ['NET_ADMIN'] } })], shareProcessNamespace: true }),
    'These fields have no effect on a node that runs WebAssembly: securityContext.runAsUser, securityContext.fsGroup, securityContext.capabilities.add, shareProcessNamespace',
  );
  assert.match(explain({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } }, dnsConfig: { nameservers: ['1.1.1.1'] } }) ?? '', /seccompProfile, dnsConfig$/);
});
