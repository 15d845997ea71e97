/** Letters and digits of any script, in lower case, with one blank around and between: ready for `includes`. */
export function wordForm(text: string): string {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}_]+/gu) ?? []
  return ` ${words.join(' ')} `
}

/** Whether the words of `wanted` stand in `form` side by side. Scripts without blanks match anywhere. */
export function hasWords(form: string, wanted: string): boolean {
  const words = wordForm(wanted)
  if (words === '  ') return true
  return UNSPACED.test(words) ? form.includes(words.trim()) : form.includes(words)
}

const UNSPACED = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}/u
