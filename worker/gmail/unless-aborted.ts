/** The same, for one of several that wait for it. Rejects with the signal's reason when it aborts first. */
export function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  return promise
}
