import { type IncomingMessage, ServerResponse } from 'node:http'
import { corkWrites } from '#shared/cork-writes.ts'

/** A response whose headers, when they are sent ahead, go out together with what is written in the same turn. */
export class CorkedResponse<
  Request extends IncomingMessage = IncomingMessage
> extends ServerResponse<Request> {
  override sendDate = false // the gateway sends one

  override flushHeaders(): void {
    corkWrites(this.socket)
    super.flushHeaders()
  }
}
