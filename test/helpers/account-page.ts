import { Browser, formFields, type Visit } from './browser.ts'
import { answerGoogle, type Choices } from './sign-in.ts'

const never = (): boolean => false

/** A person on the account page. */
export class AccountVisitor {
  readonly browser: Browser
  readonly #page: URL

  constructor(publicUrl: string, browser = new Browser()) {
    this.#page = new URL(`${publicUrl}/account`)
    this.browser = browser
  }

  /** Signs in there; gives the text of what is shown. */
  async enter(email: string): Promise<string> {
    const fields = formFields(await this.shown())
    const google = await this.browser.submit('/account/sign-in', fields, this.#page)
    return this.atGoogle({ ...google, text: await google.response.text() }, { email })
  }

  /** What the page shows now. */
  async shown(): Promise<string> {
    return (await this.browser.fetch(this.#page)).text()
  }

  /** Sends one of the page's forms; `fields` are added to its token. */
  async act(
    action: string,
    fields: Record<string, string> = {}
  ): Promise<Visit & { text: string }> {
    const { token = '' } = formFields(await this.shown())
    const visit = await this.browser.submit(`/account/${action}`, { token, ...fields }, this.#page)
    return { ...visit, text: await visit.response.text() }
  }

  /** Answers Google's page; gives the text of the page that follows. */
  async atGoogle(page: { url: URL; text: string }, choices: Choices): Promise<string> {
    const { response } = await answerGoogle(this.browser, page, choices, never)
    return response.text()
  }

  /** Signs in, connects the mail, and adds these mailboxes; gives the text of what is shown then. */
  async connect(email: string, level = 'gmail.modify', others: readonly string[] = []) {
    await this.enter(email)
    let text = await this.atGoogle(await this.act('connect', { level }), { email })
    for (const other of others)
      text = await this.atGoogle(await this.act('mailboxes/add', { level }), { email: other })
    return text
  }
}
