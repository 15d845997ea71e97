/**
 * Makes a note that is only for people to look at: nobody waits for it, and where it cannot be written it is not
 * (the store's health has heard of that). While one of a key is being written, no second one is begun.
 */
export function oncePerKey(write: (key: string) => Promise<void>): (key: string) => void {
  const writing = new Set<string>()
  return (key) => {
    if (writing.has(key)) return
    writing.add(key)
    void write(key)
      .catch(() => {})
      .then(() => writing.delete(key))
  }
}
