/**
 * A set of 32-bit integers, each with a mark or without. Takes ten bytes at the most for each and makes no garbage; a `Map` takes
 * ten times that. 0 is no number here.
 */
export class MarkedNumbers {
  readonly #most: number
  /** Open addressing: 0 is an empty place. */
  #places = new Int32Array(1024)
  #marks = new Uint8Array(1024)
  #count = 0

  /** @param most what is added beyond so many numbers is not kept */
  constructor(most: number) {
    this.#most = most
  }

  add(number: number): void {
    if (number === 0 || this.#count >= this.#most) return
    const at = placeOf(this.#places, number)
    if (this.#places[at] === number) return
    this.#places[at] = number
    this.#count += 1
    if (this.#count * 2 > this.#places.length) this.#grow()
  }

  /** False when the number is not in the set, and nothing is done. */
  mark(number: number): boolean {
    const at = placeOf(this.#places, number)
    if (this.#places[at] !== number || number === 0) return false
    this.#marks[at] = 1
    return true
  }

  isMarked(number: number): boolean {
    return this.#marks[placeOf(this.#places, number)] === 1
  }

  /** Before the first mark alone: marks would be lost. */
  #grow(): void {
    const larger = new Int32Array(this.#places.length * 2)
    for (const number of this.#places) if (number !== 0) larger[placeOf(larger, number)] = number
    this.#places = larger
    this.#marks = new Uint8Array(larger.length)
  }
}

/** Where a number is, or would be. At the most half of the places are taken, so there is always an end. */
function placeOf(places: Int32Array, number: number): number {
  const mask = places.length - 1
  // Multiplied, since numbers of one kind differ in their high bits (Knuth, volume 3, section 6.4).
  let at = (Math.imul(number, 0x9e3779b1) >>> 8) & mask
  while (places[at] !== 0 && places[at] !== number) at = (at + 1) & mask
  return at
}
