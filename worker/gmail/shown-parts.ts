import { bodyPlan, type Piece } from './body-plan.ts'
import type { MessagePart } from './mailbox.ts'

/**
 * The parts that a mail program with HTML shows as the message, in order: of alternatives the last one that is HTML (RFC
 * 2046, section 5.1.4), and every other text that is no file.
 */
export const shownParts = (root: MessagePart | undefined): MessagePart[] =>
  shownOf(bodyPlan(root).pieces)

const shownOf = (pieces: readonly Piece[]): MessagePart[] =>
  pieces.flatMap((piece) => {
    if (piece.kind !== 'choice')
      return piece.kind === 'text' || piece.kind === 'html' ? piece.part : []
    const forms = piece.forms.map(shownOf)
    const withHtml = forms.findLast((parts) =>
      parts.some(({ mimeType }) => mimeType === 'text/html')
    )
    return withHtml ?? forms.at(-1) ?? []
  })
