import { GatewayError } from '#shared/errors.ts'

/** Whether this gateway takes new work. An operator closes it before the machine is worked on. */
export class DrainSwitch {
  #isOpen = true

  open(): void {
    this.#isOpen = true
  }

  close(): void {
    this.#isOpen = false
  }

  isOpen(): boolean {
    return this.#isOpen
  }

  /** Throws ERR_DRAINING when it is closed. */
  enter(): void {
    if (!this.#isOpen)
      throw new GatewayError('ERR_DRAINING', 'This gateway takes no new calls now; try again.', {
        retryAfter: 5
      })
  }
}
