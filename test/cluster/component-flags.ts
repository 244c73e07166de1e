import { join } from 'node:path';

/** Command lines of the components, as kubeadm would write them where a test cluster has no reason to differ. */

export function etcdFlags(at: { data: string; clientUrl: string; peerUrl: string }): string[] {
  return [
    `--data-dir=${at.data}`,
    `--listen-client-urls=${at.clientUrl}`,
    `--advertise-client-urls=${at.clientUrl}`,
    `--listen-peer-urls=${at.peerUrl}`,
    `--initial-advertise-peer-urls=${at.peerUrl}`,
    `--initial-cluster=default=${at.peerUrl}`,
    // The data need not survive a power cut.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** @param at.serviceAccounts whether a controller manager makes them; otherwise pods are admitted without one, as in envtest */
export function apiServerFlags(at: { pki: string; etcdUrl: string; port: number; serviceAccounts: boolean }): string[] {
  const pki = (file: string): string => join(at.pki, file);
  return [
    `--etcd-servers=${at.etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${at.port}`,
    // The endpoints of the kubernetes service may not be loopback addresses.
    '--endpoint-reconciler-type=none',
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    // For servers of further APIs (metrics-server): whom they may believe that somebody else is the user.
    `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki('service-accounts.key')}`,
    `--service-account-signing-key-file=${pki('service-accounts.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    ...(at.serviceAccounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
    '--enable-bootstrap-token-auth',
    '--allow-privileged',
    `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

export function controllerManagerFlags(at: { pki: string; kubeconfig: string }): string[] {
  return [
    ...clientFlags(at.kubeconfig),
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(at.pki, 'service-accounts.key')}`,
    `--root-ca-file=${join(at.pki, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(at.pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(at.pki, 'ca.key')}`,
    '--allocate-node-cidrs',
    '--cluster-cidr=10.244.0.0/16',
    '--controllers=*,bootstrap-signer-controller,token-cleaner-controller',
  ];
}

export function schedulerFlags(at: { kubeconfig: string }): string[] {
  return clientFlags(at.kubeconfig);
}

function clientFlags(kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    // With the default of 20 requests per second the service accounts of the controllers take five seconds.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // No server of their own.
    '--secure-port=0',
  ];
}
