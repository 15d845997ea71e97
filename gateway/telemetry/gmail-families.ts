import { GMAIL_METHODS } from '#shared/gmail-methods.ts'
import { CALL } from './histogram-buckets.ts'
import type { MetricFamilies } from './metric-families.ts'

const GMAIL_METHOD = [...GMAIL_METHODS, 'other']

/** What workers ask of Gmail, and the gateway of Google's sign-in. */
export const gmailFamilies = (families: MetricFamilies) => ({
  requests: families.counter('gmail_requests_total', 'Requests to Gmail.', {
    method: GMAIL_METHOD,
    code: ['2xx', '4xx', '429', '5xx', 'network', 'other']
  }),
  seconds: families.histogram(
    'gmail_request_duration_seconds',
    'Time of requests to Gmail.',
    CALL,
    {
      method: GMAIL_METHOD
    }
  ),
  units: families.counter('gmail_quota_units_total', 'Gmail quota units spent.', {
    method: GMAIL_METHOD
  }),
  throttled: families.counter('gmail_throttled_total', 'Requests that had to wait.', {
    scope: ['pace', 'google']
  }),
  retries: families.counter('gmail_retries_total', 'Requests sent again.', {
    reason: ['429', '5xx', 'rate', 'network', 'other']
  }),
  deduplicated: families.counter(
    'sends_deduplicated_total',
    'Messages that were not sent again, because they had been sent before.',
    {}
  ),
  connections: families.counter(
    'gmail_connections_total',
    'Connections to Gmail that were made for workers.',
    { result: ['ok', 'failed'] }
  ),
  away: families.gauge('google_away', 'Whether Google cannot be reached now (1).', {}),
  refreshes: families.counter('oauth_refreshes_total', 'Google access tokens fetched.', {
    result: ['ok', 'needs_reauth', 'upstream', 'vault']
  }),
  reauthRequired: families.counter(
    'oauth_reauth_required_total',
    'Accounts whose grant Google no longer accepts.',
    {}
  )
})
