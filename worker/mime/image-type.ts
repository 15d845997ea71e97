/**
 * The type of an image by its first bytes (WHATWG MIME Sniffing, section 6.1), of those that the APIs of models take;
 * undefined for everything else. What a sender calls it does not count: an API refuses bytes of another type than said.
 */
export function imageTypeOf(
  content: Buffer
): 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | undefined {
  const begins = (latin1: string, at = 0): boolean =>
    content.toString('latin1', at, at + latin1.length) === latin1
  if (begins('\x89PNG\r\n\x1A\n')) return 'image/png'
  if (begins('\xFF\xD8\xFF')) return 'image/jpeg'
  if (begins('GIF87a') || begins('GIF89a')) return 'image/gif'
  if (begins('RIFF') && begins('WEBPVP', 8)) return 'image/webp'
  return undefined
}
