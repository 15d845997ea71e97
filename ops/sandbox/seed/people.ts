/** A person who writes to the mailbox's owner. */
export interface Person {
  readonly name: string
  readonly address: string
}

const person = (name: string, address: string): Person => ({ name, address })

/** The invented people of all seeded mail. Their domains are reserved and belong to nobody (RFC 2606). */
export const PEOPLE = {
  hanna: person('Hanna Brandt', 'hanna.brandt@northlight.example'),
  oskar: person('Oskar Nilsen', 'oskar@northlight.example'),
  priya: person('Priya Raman', 'priya.raman@harborworks.example'),
  diego: person('Diego Fuentes', 'diego@harborworks.example'),
  mum: person('Ingrid', 'ingrid.at.home@family.example'),
  leo: person('Léo Château', 'leo.chateau@atelier.example'),
  yuki: person('田中 由紀', 'yuki.tanaka@sakura.example'),
  eleni: person('Ελένη Παππά', 'eleni@aegean.example'),
  omar: person('عمر حداد', 'omar.haddad@cedar.example'),
  vera: person('Вера Соколова', 'vera@volga.example')
} as const

/** As it stands in a header field. */
export const mailboxOf = ({ name, address }: Person) => `${name} <${address}>`
