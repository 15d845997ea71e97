/** A number as `<ol type>` writes it. */
export function numeral(number: number, type: string): string {
  if (number < 1 || number > 3999) return String(number)
  switch (type) {
    case 'a':
      return letters(number)
    case 'A':
      return letters(number).toUpperCase()
    case 'i':
      return roman(number)
    case 'I':
      return roman(number).toUpperCase()
    default:
      return String(number)
  }
}

function letters(number: number): string {
  const before = Math.floor((number - 1) / 26)
  return (before > 0 ? letters(before) : '') + String.fromCharCode(97 + ((number - 1) % 26))
}

function roman(number: number): string {
  const steps: readonly (readonly [number, string])[] = [
    ...([
      [1000, 'm'],
      [900, 'cm'],
      [500, 'd'],
      [400, 'cd'],
      [100, 'c'],
      [90, 'xc'],
      [50, 'l']
    ] as const),
    ...([
      [40, 'xl'],
      [10, 'x'],
      [9, 'ix'],
      [5, 'v'],
      [4, 'iv'],
      [1, 'i']
    ] as const)
  ]
  let out = ''
  let left = number
  for (const [value, digits] of steps) for (; left >= value; left -= value) out += digits
  return out
}
