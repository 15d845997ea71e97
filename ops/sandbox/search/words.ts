/**
 * Letters and digits of any script, in lower case and Latin ones without accents, as Gmail's search does not tell
 * `café` from `cafe` (runbox/runbox7#1259). One blank stands around and between: ready for `includes`.
 */
export function wordForm(text: string): string {
  const words =
    text
      .normalize('NFKD')
      .replace(/(\p{Script=Latin})[\u0300-\u036f]+/gu, '$1')
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
