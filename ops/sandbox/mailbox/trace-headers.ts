import { editHeaders } from '../mime/edit-headers.ts'

export interface Arrival {
  readonly to: string
  /** The sender that the servers saw. */
  readonly envelopeFrom: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Whether the sender's domain stands behind the message; true when missing. */
  readonly isGenuine?: boolean
}

/** The message as it arrives: with the header fields that servers put on top on its way. */
export function addTrace(raw: Buffer, { to, envelopeFrom, at, isGenuine = true }: Arrival): Buffer {
  const domain = envelopeFrom.split('@')[1] ?? 'unknown.example'
  const verdict = isGenuine ? 'pass' : 'fail'
  const date = new Date(at).toUTCString().replace('GMT', '+0000')
  return editHeaders(raw, {
    add: [
      `Delivered-To: ${to}`,
      `Received: from mail.${domain} by mx.google.com with ESMTPS for <${to}>; ${date}`,
      `Return-Path: <${envelopeFrom}>`,
      `Authentication-Results: mx.google.com; dkim=${verdict} header.i=@${domain}; spf=${verdict} smtp.mailfrom=${envelopeFrom}; dmarc=${verdict} header.from=${domain}`
    ]
  })
}
