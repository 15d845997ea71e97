/** The first byte on a stream that a worker opened: its way out is connected. What follows comes from Gmail. */
export const CONNECTED = Buffer.from([1])
