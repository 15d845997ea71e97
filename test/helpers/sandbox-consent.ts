/** What a person does on the sandbox's consent page. */
export interface ConsentChoice {
  /** The address of the account. */
  readonly account: string
  /** The boxes left ticked; all when missing. */
  readonly scopes?: readonly string[]
  readonly decision?: 'allow' | 'deny'
}

/**
 * Opens the sandbox's sign-in page, fills in its form and posts it. Answers with the address that the browser is
 * sent to, which is not called. Throws when a page refuses.
 */
export async function consentAtSandbox(
  authorizationUrl: string,
  { account, scopes, decision = 'allow' }: ConsentChoice
): Promise<string> {
  const page = await fetch(authorizationUrl)
  const html = await page.text()
  if (!page.ok) throw new Error(`The sandbox refused: ${html}`)
  const offered = [...html.matchAll(/name="scope" value="([^"]+)"/g)].map(([, scope = '']) => scope)
  const form = new URLSearchParams({ account, decision })
  for (const scope of scopes ?? offered) form.append('scope', scope)
  const answer = await fetch(authorizationUrl, { method: 'POST', body: form, redirect: 'manual' })
  const location = answer.headers.get('location')
  if (answer.status !== 302 || !location) throw new Error(`No redirect: ${await answer.text()}`)
  return location
}
