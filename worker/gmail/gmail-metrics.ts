/** What the Gmail client tells about itself, for metrics. No value names a person or a message. */
export interface GmailMetrics {
  /** One HTTP request ended; `code` is the HTTP status, or `network` without one. */
  request(method: string, code: string, seconds: number, units: number): void
  /** A call had to wait: for our own pace (`pace`), or because Google asked for it (`google`). */
  throttled(scope: 'pace' | 'google'): void
  /** A request is made again; the reason is an HTTP status, Google's reason or a network code. */
  retried(reason: string): void
}
