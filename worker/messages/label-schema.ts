import * as z from 'zod'
import type { Label } from '../gmail/mailbox.ts'
import { cleanLine } from '../mime/clean-text.ts'
import { definedOnly } from '../tool-kit/defined-only.ts'

const Color = z.object({ textColor: z.string(), backgroundColor: z.string() })
/** A label in `structuredContent`. */
export const LabelOut = z.object({
  id: z.string(),
  name: z.string(),
  type: z.enum(['system', 'user']),
  messageListVisibility: z.string().optional(),
  labelListVisibility: z.string().optional(),
  color: Color.optional(),
  messagesTotal: z.number().optional(),
  messagesUnread: z.number().optional(),
  threadsTotal: z.number().optional(),
  threadsUnread: z.number().optional()
})
export type LabelOut = z.input<typeof LabelOut>

export function labelOut(label: Label): LabelOut {
  const { textColor, backgroundColor } = label.color ?? {}
  return {
    id: label.id ?? '',
    name: cleanLine(label.name ?? ''),
    type: typeOf(label),
    ...definedOnly({
      messageListVisibility: label.messageListVisibility ?? undefined,
      labelListVisibility: label.labelListVisibility ?? undefined,
      messagesTotal: label.messagesTotal ?? undefined,
      messagesUnread: label.messagesUnread ?? undefined,
      threadsTotal: label.threadsTotal ?? undefined,
      threadsUnread: label.threadsUnread ?? undefined
    }),
    ...(textColor && backgroundColor && { color: { textColor, backgroundColor } })
  }
}

/** A label as a line of text. */
export const labelLine = ({
  id,
  name: shown,
  type,
  messagesTotal,
  messagesUnread
}: LabelOut): string =>
  `- ${shown} | id ${id} | ${type}${messagesTotal === undefined ? '' : ` | ${messagesTotal} messages, ${messagesUnread ?? 0} unread`}`

/** Gmail's own, or the person's. */
export const typeOf = (label: Label): 'system' | 'user' =>
  label.type === 'system' ? 'system' : 'user'
