/** Over which a guest's use is evened out, as the kernel's CFS bandwidth control does (cpu.cfs_period_us). */
const periodNanoseconds = 100_000_000;

/**
 * Holds a guest to its CPU limit (`resources.limits.cpu`): a token bucket that fills with the limit's share of real time, up to
 * one period's worth, and is emptied by the CPU time that the guest uses. Asked where a guest can be made to wait.
 */
export class CpuQuota {
  /** CPU nanoseconds for each nanosecond of real time. */
  readonly #share: number;
  #tokens: number;
  #now: bigint;
  #cpu: number;

  /** @param millicores above 0. `now`, `cpu`: as `due` takes them. */
  constructor(millicores: number, now: bigint, cpu: number) {
    this.#share = millicores / 1000;
    this.#tokens = this.#most;
    this.#now = now;
    this.#cpu = cpu;
  }

  /**
   * For how many nanoseconds the guest is to wait; 0 when it may go on.
   * @param now monotonic nanoseconds
   * @param cpu the guest's CPU time so far, in nanoseconds
   */
  due(now: bigint, cpu: number): number {
    this.#tokens = Math.min(this.#most, this.#tokens + Number(now - this.#now) * this.#share) - (cpu - this.#cpu);
    this.#now = now;
    this.#cpu = cpu;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#share);
  }

  get #most(): number {
    return periodNanoseconds * this.#share;
  }
}
