/** The node's configuration after defaults: KubeletConfiguration's field names where they exist (kubelet.config.k8s.io/v1beta1). */
import type { Taint } from '../api/kubernetes.ts';
import type { IsolationClass } from '../api/runtime.ts';

export interface RegistryConfiguration {
  /** Host[:port] or host/path prefix that this entry is for. */
  readonly prefix: string;
  /** Asked in place of the registry: host[:port], URL, or `oci-layout:DIR`. */
  readonly mirror?: string;
  readonly plainHTTP?: boolean;
  /** PEM file of the certificate authority. */
  readonly ca?: string;
}

export interface RuntimeHandlerConfiguration {
  readonly runtime?: string;
  readonly isolation?: IsolationClass;
}

export interface NodeConfiguration {
  readonly nodeName: string;
  readonly hostname: string;
  /** Absent: chosen as contract §1.2 says. */
  readonly nodeIP?: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly registerNode: boolean;
  readonly registerWithTaints: readonly Taint[];
  readonly providerID?: string;
  readonly maxPods: number;
  /** As root, raise limits of the machine that stand in the way of `maxPods`. */
  readonly raiseMachineLimits: boolean;
  /** Quantities withheld from allocatable, by resource. */
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;

  readonly address: string;
  readonly port: number;
  readonly healthzBindAddress: string;
  /** 0: off. */
  readonly healthzPort: number;
  readonly clientCAFile?: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly serverTLSBootstrap: boolean;
  readonly rotateCertificates: boolean;

  readonly rootDirectory: string;
  readonly podLogsDirectory: string;
  readonly containerLogsDirectory: string;
  readonly staticPodPath?: string;
  readonly standalone: boolean;
  readonly kubeconfig?: string;
  readonly bootstrapKubeconfig?: string;

  /** Durations in milliseconds. */
  readonly nodeStatusUpdateFrequency: number;
  readonly nodeStatusReportFrequency: number;
  readonly nodeLeaseDurationSeconds: number;
  readonly shutdownGracePeriod: number;
  readonly imagePullDeadline: number;
  readonly maxParallelImagePulls: number;
  readonly containerLogMaxSizeBytes: number;
  readonly containerLogMaxFiles: number;

  readonly runtimes: { readonly order: readonly string[]; readonly allowed: readonly string[] };
  readonly runtimeHandlers: Readonly<Record<string, RuntimeHandlerConfiguration>>;
  readonly registries: readonly RegistryConfiguration[];
  /** Directories of third-party plugins. */
  readonly pluginDirectories: readonly string[];
  /** Ids of plugins that stay out. */
  readonly disabledPlugins: readonly string[];
  readonly plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly warmThreads: number;
  readonly reuseThreads: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}
