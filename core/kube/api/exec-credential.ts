/** Credential plugins of a kubeconfig: ExecCredential of client.authentication.k8s.io/v1 (KEP-541). */
import { spawn } from 'node:child_process';
import { WasmletError } from '../../api/errors.ts';
import type { ClusterAccess, ExecPlugin } from './kubeconfig.ts';

export interface ExecCredential {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Milliseconds since the epoch; absent: valid until the API server says 401. */
  readonly expiresAt?: number;
}

/** A plugin that waits for a person would hold the node for ever. */
const pluginDeadline = 60_000;

/** Runs the plugin once, without standard input. `environment` is what it inherits. Throws KUBECONFIG_INVALID with the plugin's own words. */
export async function runExecPlugin(plugin: ExecPlugin, access: ClusterAccess, ca: string | undefined, environment: NodeJS.ProcessEnv): Promise<ExecCredential> {
  const cluster = {
    server: access.server,
    'insecure-skip-tls-verify': access.insecureSkipTLSVerify,
    ...(access.tlsServerName === undefined ? {} : { 'tls-server-name': access.tlsServerName }),
    ...(access.proxyURL === undefined ? {} : { 'proxy-url': access.proxyURL }),
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
  };
  const info = { apiVersion: plugin.apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...(plugin.provideClusterInfo ? { cluster } : {}) } };
  const env = { ...environment, ...Object.fromEntries(plugin.env.map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  return parseCredential(plugin, await output(plugin, env));
}

function output(plugin: ExecPlugin, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(plugin.command, plugin.args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: pluginDeadline });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
    child.on('error', (cause) => reject(new WasmletError('KUBECONFIG_INVALID', `credential plugin ${plugin.command}: ${cause.message}`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new WasmletError('KUBECONFIG_INVALID', `credential plugin ${plugin.command} ended with ${signal ?? `exit code ${code}`}: ${stderr.trim()}`));
    });
  });
}

function parseCredential(plugin: ExecPlugin, text: string): ExecCredential {
  let answer: { apiVersion?: string; kind?: string; status?: { token?: string; clientCertificateData?: string; clientKeyData?: string; expirationTimestamp?: string } };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch (cause) {
    throw new WasmletError('KUBECONFIG_INVALID', `credential plugin ${plugin.command} did not print JSON`, { cause });
  }
  const status = answer.status;
  if (answer.kind !== 'ExecCredential' || answer.apiVersion !== plugin.apiVersion || (status?.token === undefined && status?.clientCertificateData === undefined)) {
    throw new WasmletError('KUBECONFIG_INVALID', `credential plugin ${plugin.command} did not print an ExecCredential of ${plugin.apiVersion} with a token or a certificate`);
  }
  return {
    ...(status.token === undefined ? {} : { token: status.token }),
    ...(status.clientCertificateData === undefined ? {} : { certificate: status.clientCertificateData }),
    ...(status.clientKeyData === undefined ? {} : { key: status.clientKeyData }),
    ...(status.expirationTimestamp === undefined ? {} : { expiresAt: Date.parse(status.expirationTimestamp) }),
  };
}
