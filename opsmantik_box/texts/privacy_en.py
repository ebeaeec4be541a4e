"""English: the privacy report (ops/privacy.py). `kept.*` and `why.*` are kinds of domain/retention.py."""

TEXTS = {
    "privacy.title": "What OpsMantik Box keeps of the visitors of {name} ({day})",
    "privacy.kept": "What is kept, why, and how long",
    "privacy.personal": "About visitors and callers:",
    "privacy.other": "Not about visitors:",
    "privacy.told": "What the script on the page may tell beside the page's address (anything else is thrown away unread):",
    "privacy.never": "What is not kept at all:",
    "privacy.receivers": "Who receives it:",
    "privacy.nobody": "Nothing is sent to anybody else: no transfer to Google, a messenger or any other service is switched on.",
    "days.kept": "Kept for {days:day|days}.",
    "days.while": "Kept as long as the site, or the person, is with the Box.",
    "days.oldest": "The oldest is of {day}.",
    "days.not_yet": "This version does not delete it by itself yet.",
    "days.overdue": "That is longer than the rule says.",
    # --- kinds --------------------------------------------------------------------------------------------------------------------
    "kept.events": "What visitors did on the pages: page, time, scroll depth, tap",
    "why.events": "To count each tap once, and to show what led to it. Deleted a month at a time: so long after the month's end, once "
    "a verified backup has it.",
    "kept.sessions": (
        "Visits: first and last page, click id of the ad, campaign, device, browser, city, truncated address, consent, the "
        "visitor's random id"
    ),
    "why.sessions": "To know which ad led to which contact.",
    "kept.touches": "Ad clicks: click id, time, the visitor's random id, truncated address",
    "why.touches": "A visitor who comes back within six months is still the ad's.",
    "kept.unsealed": "Taps, forms and calls that were not sealed; callers' numbers, names and e-mail addresses encrypted; notes, attempts",
    "why.unsealed": "To call back, and to say what became of it.",
    "kept.sealed": "Sealed contacts, with amount; callers' numbers, names and e-mail addresses encrypted; notes, attempts",
    "why.sealed": "To know what advertising brought, and to compare a month with the same one of the year before.",
    "kept.feed": "Messages to operators' screens (no numbers)",
    "why.feed": "A screen that was away misses nothing.",
    "kept.ids": "Ids and check sums of what the script sent (deleted a month at a time, so many days after its end)",
    "why.ids": "Something sent twice is counted once.",
    "kept.relayed": (
        "Signals a relay received while the Box was away, as they came, with the full address. They go when the Box has them; "
        "those it refused, after so many days"
    ),
    "why.relayed": "Nothing is lost while the Box is away.",
    "kept.messages": "Ids of what telephone exchanges sent",
    "why.messages": "The same.",
    "kept.answers": "Answers to operators' commands",
    "why.answers": "A command sent twice is done once.",
    "kept.deliveries": "What is to be sent to a service that was switched on, and what came of it",
    "why.deliveries": "Nothing is lost, and nothing is sent twice.",
    "kept.arrivals": "How many signals of a site arrived or were lost, by hour; versions of the script",
    "why.arrivals": "To notice when contacts do not arrive.",
    "kept.alerts": "Alarms and checks of the machine",
    "why.alerts": "To find what went wrong.",
    "kept.refusals": "How often something was refused, by day and reason",
    "why.refusals": "Nothing is turned away in silence.",
    "kept.hours": "How many visits, ad clicks and intents a site had in each hour",
    "why.hours": "To notice when nobody comes any more.",
    "kept.audit": "Which operator did what, also whose number was looked at",
    "why.audit": "To answer for the data.",
    "kept.erasures": "That somebody was erased: when, by whom, how much, and keyed hashes; not who it was",
    "why.erasures": "To prove it, and so that a restored backup brings nobody back.",
    "kept.summaries": "Counts of a day; Google's and the client's own numbers",
    "why.summaries": "Reports. No single visitor is in them.",
    "kept.people": "The agency's users, their tokens and passwords (hashed)",
    "why.people": "To let in who may come in.",
    "kept.settings": "The site's settings, and the addresses exchanges call",
    "why.settings": "To run the site.",
    "kept.machinery": "Lists of files, keys, times of jobs",
    "why.machinery": "To run the Box.",
    # --- what a tracker may tell --------------------------------------------------------------------------------------------------
    "meta.visitor": "the visitor's random id (the site's own; not kept of who said no)",
    "meta.click": "the ad's click id (the same)",
    "meta.contact": "which button or form was used",
    "meta.attention": "how far and how long was read",
    "meta.page": "title of the page, where the visitor came from",
    "meta.place": "city and district",
    "meta.consent": "the visitor's choice",
    "meta.internal": "that this is the agency's own browser",
    "meta.health": "whether the script itself works",
    # --- never --------------------------------------------------------------------------------------------------------------------
    "never.full_address": "the full internet address: it is shortened (IPv4 /24, IPv6 /48) before it reaches the disk",
    "never.cookies_of_others": "cookies or ids of other sites: the visitor's id is the site's own",
    "never.hardware": "marks of the device (graphics card, memory, screen), which together would be a fingerprint nobody asked for",
    "never.contents": (
        "what is said or written on WhatsApp and the phone, and what is typed into forms, but for the contact the site itself "
        "hands over"
    ),
    "never.numbers_of_taps": "the number of a visitor who taps a button: the page does not know it",
    # --- receivers ----------------------------------------------------------------------------------------------------------------
    "receiver.owner": "The agency that runs this Box, on a machine of its own",
    "receives.owner": "everything above; whoever hosts the machine stores it for the agency",
    "receives.backup": "copies of everything above, for the case that the machine is lost",
    "receives.messages": "messages about: {kinds}; without numbers",
    "rights.read": "sees the site's reports and visits, no numbers",
    "rights.operate": "works on contacts; sees the number of a contact while working on it",
    "rights.admin": "as an operator, and manages the site",
}
