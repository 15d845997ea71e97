/** Whose service this is, as its operator wants it to be called. */
export interface ServiceIdentity {
  readonly name: string
  /** The host that people see in the address bar. */
  readonly host: string
  /** An address of mail or of the web where its people can ask. */
  readonly contact: string | undefined
}
