import * as z from 'zod'
import type { Config } from '../../gateway/config/config.ts'
import { type Finding, fail, ok, sentenceOf, skip, warn } from './finding.ts'
import { type Knocked, knock } from './knock.ts'

const Discovery = z.looseObject({ issuer: z.string(), token_endpoint: z.url() })
const OAuthError = z.looseObject({ error: z.string() })
/** RFC 6749 §5.2, and Google's own for an address that the client is not registered with. */
const UNKNOWN_CLIENT = ['invalid_client', 'unauthorized_client', 'deleted_client']

/** A token of Google's stands or falls with some minutes; sign-ins by tool and links with less. */
const WARN_MS = 5000
const FAIL_MS = 60_000

/** Where people sign in, whether it knows our client, Gmail, and what the clock is by Google's. */
export async function lookAtGoogle(config: Config): Promise<Finding[]> {
  const [signIn, gmail] = await Promise.all([lookAtSignIn(config), lookAtGmail(config)])
  return [...signIn.findings, gmail.finding, lookAtClock(signIn.knocked ?? gmail.knocked)]
}

interface Seen {
  readonly knocked: Knocked | undefined
}

async function lookAtSignIn(config: Config): Promise<Seen & { findings: Finding[] }> {
  const address = `${config.GOOGLE_ISSUER_URL}/.well-known/openid-configuration`
  const unseen = skip('client', 'Whether Google knows the OAuth client was not tried.')
  try {
    const knocked = await knock(address) // never through HTTPS_PROXY
    const { data } = Discovery.safeParse(knocked.body)
    if (knocked.status !== 200 || data?.issuer !== config.GOOGLE_ISSUER_URL) {
      const said = `GOOGLE_ISSUER_URL: what answers there (${knocked.status}) is not the sign-in of Google. Nobody can sign in.`
      return { knocked, findings: [fail('google', said), unseen] }
    }
    const said = 'The sign-in of Google answers.'
    const client = await lookAtClient(config, data.token_endpoint)
    return { knocked, findings: [ok('google', said), client] }
  } catch (error) {
    const said = `The sign-in of Google cannot be reached (${sentenceOf(error)}). Nobody can sign in, and workers get no new tokens: let this machine connect to it; HTTPS_PROXY is not used for it.`
    return { knocked: undefined, findings: [fail('google', said), unseen] }
  }
}

/** Asks for tokens with a code that is none: whoever knows the client says so of the code, and nothing happens. */
async function lookAtClient(config: Config, tokenEndpoint: string): Promise<Finding> {
  try {
    const { status, body } = await knock(tokenEndpoint, {
      form: {
        grant_type: 'authorization_code',
        code: 'npm-run-doctor',
        client_id: config.GOOGLE_CLIENT_ID,
        client_secret: config.GOOGLE_CLIENT_SECRET,
        redirect_uri: `${config.PUBLIC_URL}/oauth2callback`
      }
    })
    const error = OAuthError.safeParse(body).data?.error ?? `status ${status}`
    if (error === 'invalid_grant')
      return ok('client', 'Google knows the OAuth client and its secret.')
    if (UNKNOWN_CLIENT.includes(error))
      return fail(
        'client',
        `Google does not take GOOGLE_CLIENT_ID with GOOGLE_CLIENT_SECRET (${error}). Download the client’s JSON file again and set GMAIL_OAUTH_PATH.`
      )
    if (error === 'redirect_uri_mismatch')
      return fail(
        'client',
        `The OAuth client is not registered with ${config.PUBLIC_URL}/oauth2callback. Add it to its redirect URIs in the Google Cloud console.`
      )
    return warn(
      'client',
      `Google answered ${error}; whether it knows the OAuth client is not clear.`
    )
  } catch (error) {
    return fail('client', `Google’s token endpoint cannot be reached (${sentenceOf(error)}).`)
  }
}

async function lookAtGmail(config: Config): Promise<Seen & { finding: Finding }> {
  const { GMAIL_API_URL, HTTPS_PROXY: proxy, NO_PROXY: direct } = config
  const through = proxy === undefined ? '' : ' through HTTPS_PROXY'
  try {
    const knocked = await knock(`${GMAIL_API_URL}/gmail/v1/users/me/profile`, { proxy, direct })
    const finding =
      knocked.status === 401
        ? ok('gmail', `Gmail answers${through}.`)
        : fail(
            'gmail',
            `GMAIL_API_URL: what answers there${through} (${knocked.status} without a token) is not Gmail.`
          )
    return { knocked, finding }
  } catch (error) {
    const said = `Gmail cannot be reached${through} (${sentenceOf(error)}). Every tool call fails: let this machine connect to it, or set HTTPS_PROXY.`
    return { knocked: undefined, finding: fail('gmail', said) }
  }
}

/** True to half a second, or a whole one where a cache answered. */
function lookAtClock(knocked: Knocked | undefined): Finding {
  if (knocked?.theirs === undefined)
    return skip('clock', 'Google said no time to compare the clock with.')
  const offMs = knocked.ours - knocked.theirs
  const seconds = Math.round(Math.abs(offMs) / 1000)
  if (Math.abs(offMs) < WARN_MS) return ok('clock', 'The clock is that of Google.')
  const said = `The clock is ${seconds} s ${offMs > 0 ? 'ahead of' : 'behind'} Google’s. Let one program set it (chrony, systemd-timesyncd).`
  return Math.abs(offMs) < FAIL_MS ? warn('clock', said) : fail('clock', said)
}
