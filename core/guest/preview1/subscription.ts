/** Where a guest's `subscription` has what; offsets from its beginning. Both kinds have user data at 0, the tag at 8, a descriptor at 16. */
export interface SubscriptionLayout {
  readonly size: number;
  readonly clock: number;
  readonly timeout: number;
  readonly flags: number;
}

export const preview1Subscription: SubscriptionLayout = { size: 48, clock: 16, timeout: 24, flags: 40 };

/** `wasi_unstable`: a clock has an identifier of its own in front. */
export const unstableSubscription: SubscriptionLayout = { size: 56, clock: 24, timeout: 32, flags: 48 };
