"""What CPython's `email` package makes of mail files. Paths come as lines on stdin; each gets one line of JSON.

{"text": tree, "from": [...], "reply": [...], "others": [...], "files": [{"name", "sha256", "size"}]}. A tree is
{"all": [trees]}, {"any": [trees]} for alternatives, or {"words": [...]}. Addresses are those on which the old and the
new parser of CPython agree are there (`sure`) and those that either finds (`seen`), in lower case.
"""

import email
import email.errors
import email.policy
import email.utils
import hashlib
import html.parser
import json
import re
import sys
import unicodedata

WORD = re.compile(r'\w{3,40}')
ADDRESS = re.compile(r'(?:"[^"\\]+"|[^\s<>@,;:"()]+)@[^\s<>@,;:"()]+')
BROKEN = (email.errors.InvalidBase64LengthDefect, email.errors.InvalidBase64PaddingDefect)
UNSEEN = {'script', 'style', 'title', 'head', 'template'}
VOID = {'img', 'br', 'hr', 'meta', 'link', 'input', 'area', 'base', 'col', 'embed', 'source', 'track', 'wbr'}
# Nearly white, and not white: nobody writes so on a dark ground.
BREAKS = re.compile(
    r'display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|mso-hide'
    r'|(?<![-\w])color\s*:\s*#(?!ffffff)(?:f[c-f]){3}\b',
    re.I,
)


class Seen(html.parser.HTMLParser):
    """The text of a page that a person sees, as far as inline styles tell."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        style = dict(attrs).get('style') or ''
        hidden = tag in UNSEEN or bool(BREAKS.search(style)) or 'hidden' in dict(attrs)
        self.open.append((tag, hidden))

    def handle_endtag(self, tag):
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == tag:
                del self.open[at:]
                return

    def handle_data(self, data):
        if not any(hidden for _, hidden in self.open):
            self.text.append(data)


def words(text):
    folded = unicodedata.normalize('NFKC', text).lower()
    return sorted({w for w in WORD.findall(folded) if '\ufffd' not in w})


def decoded(part):
    payload = part.get_payload(decode=True) or b''
    charset = part.get_content_charset() or 'utf-8'
    try:
        return payload.decode(charset, 'replace')
    except (LookupError, ValueError):
        return payload.decode('utf-8', 'replace')


def seen_in(page):
    reader = Seen()
    reader.feed(page)
    reader.close()
    return ' '.join(reader.text)


def status(fields):
    """What a delivery status says to a person (RFC 3464); the type before a value is for programs."""
    values = [str(fields[name] or '') for name in ('final-recipient', 'status', 'diagnostic-code')]
    return ' '.join(re.sub(r'^\s*[\w-]+\s*;', '', value) for value in values)


def tree(part):
    kind = part.get_content_type()
    if part.is_multipart():
        if kind == 'message/delivery-status':
            return {'words': words(' '.join(status(p) for p in part.get_payload()))}
        inner = [tree(child) for child in part.get_payload()]
        return {'any' if kind == 'multipart/alternative' else 'all': inner}
    if kind == 'text/html':
        return {'words': words(seen_in(decoded(part)))}
    if kind.startswith('text/') and kind not in ('text/x-amp-html',):
        return {'words': words(decoded(part))}
    return {'all': []}


SIGNATURES = ('application/pgp-signature', 'application/pkcs7-signature', 'application/x-pkcs7-signature')


def files(message):
    found = []
    for part in message.walk():
        if part.is_multipart() or part.get_content_disposition() != 'attachment':
            continue
        if part.get_content_type() in SIGNATURES:
            continue
        content = part.get_payload(decode=True) or b''
        if any(isinstance(each, BROKEN) for each in part.defects):
            continue
        try:
            name = part.get_filename() or ''
        except Exception:
            name = ''
        found.append({'name': name, 'size': len(content), 'sha256': hashlib.sha256(content).hexdigest()})
    return found


def addresses(old, new, *fields):
    """(sure, seen) of the named header fields."""
    by_old, by_new = set(), set()
    for field in fields:
        raw = [str(value) for value in old.get_all(field, [])]
        by_old.update(a.lower() for _, a in email.utils.getaddresses(raw) if ADDRESS.fullmatch(a))
        for at, _ in enumerate(raw):
            try:
                header = new.get_all(field, [])[at]
                by_new.update(a.addr_spec.lower() for a in header.addresses if ADDRESS.fullmatch(a.addr_spec))
            except Exception:
                pass
    return {'sure': sorted(by_old & by_new), 'seen': sorted(by_old | by_new)}


def about(path):
    with open(path, 'rb') as file:
        content = file.read()
    old = email.message_from_bytes(content, policy=email.policy.compat32)
    new = email.message_from_bytes(content, policy=email.policy.default)
    return {
        'text': tree(old),
        'from': addresses(old, new, 'from'),
        'reply': addresses(old, new, 'reply-to'),
        'others': addresses(old, new, 'to', 'cc'),
        'files': files(old),
    }


for line in sys.stdin:
    try:
        answer = about(line.rstrip('\n'))
    except Exception as error:
        answer = {'failed': f'{type(error).__name__}: {error}'}
    print(json.dumps(answer), flush=True)
