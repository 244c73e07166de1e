export interface ServingCertificate {
  /** PEM, leaf first. */
  readonly cert: string;
  readonly key: string;
}
