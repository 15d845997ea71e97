/** Boxes that cut off what is in them hide it when they are not larger. */
export const LARGEST_NOTHING_PX = 2

/** `rect()` of no area (CSS Masking 1, section 6.1). */
export function isEmptyRect(clip: string): boolean {
  const sides = /^rect\(([^)]*)\)/
    .exec(clip)?.[1]
    ?.trim()
    .split(/[\s,]+/)
  if (!sides) return false
  const [top, right, bottom, left] = sides.map((side) =>
    side === 'auto' ? undefined : Number.parseFloat(side)
  )
  const isThin = (from = 0, to = Number.POSITIVE_INFINITY) => to - from <= LARGEST_NOTHING_PX
  return isThin(top, bottom) || isThin(left, right)
}

/** A shape of no area (CSS Masking 1, section 5.1). */
export function isEmptyClipPath(path: string): boolean {
  if (/^(circle|ellipse)\(\s*0/.test(path)) return true
  if (/^polygon\(\s*(0(px|%)?[\s,]*)+\)/.test(path)) return true
  const sides = /^inset\(([^)]*)\)/.exec(path)?.[1]?.trim().split(/\s+/)
  if (!sides) return false
  const [top = '', right = top, bottom = top, left = right] = sides
  const percent = (side: string) => (side.endsWith('%') ? Number.parseFloat(side) : 0)
  return percent(top) + percent(bottom) >= 100 || percent(left) + percent(right) >= 100
}
