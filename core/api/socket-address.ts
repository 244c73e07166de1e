/** One end of a TCP connection, or where one is listened for. */
export interface SocketAddress {
  /** An IP address in text form, without brackets. */
  readonly address: string;
  readonly port: number;
}
