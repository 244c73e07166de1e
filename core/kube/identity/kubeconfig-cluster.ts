import type { ClusterAccess, Material } from '../api/kubeconfig.ts';

/** The `cluster` of a kubeconfig's entry that leads where `access` does; `ca` may be carried as data although it lies in a file. */
export function kubeconfigCluster(access: ClusterAccess, ca: Material | undefined = access.ca): object {
  return {
    server: access.server,
    ...certificateAuthority(ca),
    ...(access.insecureSkipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(access.tlsServerName === undefined ? {} : { 'tls-server-name': access.tlsServerName }),
    ...(access.proxyURL === undefined ? {} : { 'proxy-url': access.proxyURL }),
  };
}

function certificateAuthority(ca: Material | undefined): object {
  if (ca === undefined) return {};
  return 'file' in ca ? { 'certificate-authority': ca.file } : { 'certificate-authority-data': Buffer.from(ca.data).toString('base64') };
}
