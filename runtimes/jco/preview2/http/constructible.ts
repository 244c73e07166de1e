/**
 * A class as the guest sees it: its constructor takes what WIT says, and what the host makes of `Made` is an instance of it. The
 * host's own constructor takes the guest's context as well.
 */
export function constructible<Made extends object, Arguments extends readonly unknown[], Statics extends object>(
  prototype: Made,
  make: (...args: Arguments) => Made,
  statics: Statics = {} as Statics,
): (new (...args: Arguments) => Made) & Statics {
  const Guest = function (...args: Arguments): Made {
    return make(...args);
  };
  Guest.prototype = prototype;
  return Object.assign(Guest as unknown as new (...args: Arguments) => Made, statics);
}
