import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Vacation } from '../gmail/mailbox.ts'
import { cleanText } from '../mime/clean-text.ts'
import { flag } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { definedOnly } from '../tool-kit/defined-only.ts'
import { CHANGES, READS } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const VacationOut = z.object({
  enabled: z.boolean(),
  subject: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  htmlBody: theirs(z.string()).optional(),
  start: z.string().optional().describe('ISO 8601; none: at once'),
  end: z.string().optional().describe('ISO 8601; none: until it is turned off'),
  restrictToContacts: z.boolean(),
  restrictToDomain: z.boolean()
})
type VacationOut = z.input<typeof VacationOut>

export const getVacationResponder = defineTool({
  name: 'get_vacation_responder',
  title: 'Show the vacation responder',
  description: 'Shows whether mail is answered automatically, with which words, and when.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: VacationOut,
  async run(_, { context, signal }) {
    const now = vacationOut(await context.mailbox.call('settings.getVacation', {}, signal))
    return { structured: now, text: asText(now, context.nonce()) }
  }
})

const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

const instant = z
  .string()
  .refine(
    (text) => text === '' || (ISO_WITH_ZONE.test(text) && !Number.isNaN(Date.parse(text))),
    'must be a date with time and zone, such as 2026-12-24T00:00:00+01:00'
  )
  .optional()
  .describe('ISO 8601 with a zone, such as 2026-12-24T00:00:00+01:00; empty: no limit')

export const updateVacationResponder = defineTool({
  name: 'update_vacation_responder',
  title: 'Change the vacation responder',
  description:
    'Turns automatic answers on or off, and changes their words and time. What is not given stays as it is.',
  level: 'gmail.settings',
  annotations: CHANGES,
  input: z.object({
    enabled: flag(),
    subject: z.string().max(500).optional(),
    body: z.string().max(20_000).optional().describe('Plain text; takes the place of htmlBody'),
    htmlBody: z.string().max(50_000).optional(),
    start: instant,
    end: instant,
    restrictToContacts: flag().optional().describe('Answer contacts only'),
    restrictToDomain: flag().optional().describe('Answer the own organisation only'),
    confirm: flag()
      .optional()
      .describe('Whether the user agreed to these words; needed to turn it on')
  }),
  output: VacationOut,
  async run({ confirm, ...wanted }, { context, signal }) {
    const { enabled } = wanted
    if (enabled && confirm !== true)
      throw new ToolError(
        'confirmation_required',
        'Everybody who writes will get this answer: show it to the user, then call again with confirm: true.'
      )
    const before = await context.mailbox.call('settings.getVacation', {}, signal)
    const requestBody = changed(before, wanted)
    if (Number(requestBody.startTime ?? 0) >= Number(requestBody.endTime ?? Infinity))
      throw new ToolError('invalid_argument', 'end must be later than start.')
    const { responseSubject, responseBodyPlainText, responseBodyHtml } = requestBody
    if (enabled && !responseSubject && !responseBodyPlainText && !responseBodyHtml)
      throw new ToolError('invalid_argument', 'Give a subject or a body to answer with.')
    const after = vacationOut(
      await context.mailbox.call('settings.updateVacation', { requestBody }, signal)
    )
    return { structured: after, text: asText(after, context.nonce()) }
  }
})

interface Wanted {
  readonly enabled: boolean
  readonly subject?: string | undefined
  readonly body?: string | undefined
  readonly htmlBody?: string | undefined
  readonly start?: string | undefined
  readonly end?: string | undefined
  readonly restrictToContacts?: boolean | undefined
  readonly restrictToDomain?: boolean | undefined
}

/** Gmail replaces all of it (`updateVacation` is a PUT), so what is to stay is sent again. */
function changed(before: Vacation, wanted: Wanted): Vacation {
  const { body, htmlBody } = wanted
  const isOtherBody = body !== undefined || htmlBody !== undefined
  return definedOnly({
    enableAutoReply: wanted.enabled,
    responseSubject: wanted.subject ?? before.responseSubject,
    responseBodyPlainText: isOtherBody ? body : before.responseBodyPlainText,
    responseBodyHtml: isOtherBody ? htmlBody : before.responseBodyHtml,
    restrictToContacts: wanted.restrictToContacts ?? before.restrictToContacts,
    restrictToDomain: wanted.restrictToDomain ?? before.restrictToDomain,
    startTime: millis(wanted.start, before.startTime),
    endTime: millis(wanted.end, before.endTime)
  })
}

function millis(wanted: string | undefined, before: string | null | undefined) {
  if (wanted === undefined) return before ?? undefined
  return wanted === '' ? undefined : String(Date.parse(wanted))
}

function vacationOut(settings: Vacation): VacationOut {
  const { responseSubject, responseBodyPlainText, responseBodyHtml, startTime, endTime } = settings
  return {
    enabled: settings.enableAutoReply ?? false,
    ...(responseSubject && { subject: cleanText(responseSubject) }),
    ...(responseBodyPlainText && { body: cleanText(responseBodyPlainText) }),
    ...(responseBodyHtml && { htmlBody: cleanText(responseBodyHtml) }),
    ...(startTime && { start: new Date(Number(startTime)).toISOString() }),
    ...(endTime && { end: new Date(Number(endTime)).toISOString() }),
    restrictToContacts: settings.restrictToContacts ?? false,
    restrictToDomain: settings.restrictToDomain ?? false
  }
}

function asText(settings: VacationOut, nonce: string): string {
  const { enabled, subject, body, htmlBody, start, end } = settings
  const to = [
    settings.restrictToContacts ? 'contacts only' : '',
    settings.restrictToDomain ? 'the own organisation only' : ''
  ].filter((each) => each !== '')
  const words = [subject ? `Subject: ${subject}` : '', body ?? htmlBody ?? '']
    .filter((each) => each !== '')
    .join('\n')
  return [
    `The vacation responder is ${enabled ? 'on' : 'off'}.`,
    `From ${start ?? 'at once'} until ${end ?? 'it is turned off'}; it answers ${to.join(' and ') || 'everybody'}.`,
    words === '' ? '' : fence(nonce, words)
  ]
    .filter((each) => each !== '')
    .join('\n')
}
