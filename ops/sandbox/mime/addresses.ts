import addressparser from 'nodemailer/lib/addressparser'

export interface MailAddress {
  readonly name: string
  /** Lower case; may be empty or without a domain when the field is malformed. */
  readonly address: string
}

/** The people of one header field; groups are opened (RFC 5322 §3.4). */
export function addressesOf(field: string): MailAddress[] {
  return addressparser(field, { flatten: true }).map(({ name, address }) => ({
    name: name ?? '',
    address: (address ?? '').toLowerCase()
  }))
}
