/**
 * V8's own flags of a worker, chosen by measurement (`npm run bench`): many small processes share few cores, so
 * none keeps a heap it does not use or threads to tidy it. The build keeps bytecode under the same flags,
 * because V8 takes it only under those. Most flags, such as `--expose-gc` or `--no-opt`, would double the time of a
 * start: under them V8 does not take the code that Node has kept of its own modules either.
 */
export const V8_FLAGS = [
  '--single-threaded-gc',
  '--v8-pool-size=1',
  '--max-semi-space-size=1' // an idle worker keeps less; a busy one collects more often
] as const
