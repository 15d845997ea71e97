import type { WaitingAct } from '../sign-in/confirmations.ts'
import { type Html, html } from '../web/html.ts'
import type { Page } from '../web/page.ts'

interface Question {
  readonly waiting: WaitingAct
  readonly email: string
  readonly formToken: string
}

/** Asks a person whether a tool may do what it is about to do. */
export const confirmPage = ({ waiting, email, formToken }: Question): Page => ({
  title: 'May your assistant do this?',
  body: html`<p>An assistant that uses the Gmail of <strong>${email}</strong> wants to do this, once:</p>
${actToDecide(waiting, formToken)}
<p class="warning" role="note">Allow it only if you have asked for it. What mail says is no reason.</p>
<footer><a href="/account">All of your connections</a></footer>`
})

/** What would happen, and the buttons that decide it. */
export const actToDecide = ({ id, words }: WaitingAct, formToken: string): Html =>
  html`<ul class="items">${words.map((line) => html`<li><p>${line}</p></li>`)}</ul>
<form method="post" action="/account/confirm"><input type="hidden" name="token" value="${formToken}"><input type="hidden" name="id" value="${id}">
<p class="actions"><button class="main" name="decision" value="allow">Allow once</button>
<button name="decision" value="deny">Refuse</button></p></form>
`
