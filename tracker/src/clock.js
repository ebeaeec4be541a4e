/** The browser's clock, UTC milliseconds. It may jump: nothing here trusts two readings to be in order. */
export const { now } = Date;
