/** Base64url as Google writes it: with padding. */
export function toBase64url(bytes: Buffer): string {
  const text = bytes.toString('base64url')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Reads base64url or plain base64; undefined when it is neither. */
export function fromBase64url(text: string): Buffer | undefined {
  return /^[\w+/-]*={0,2}$/.test(text) ? Buffer.from(text, 'base64url') : undefined
}
