"""English."""

TEXTS = {
    "decimal_mark": ".",
    "unknown": "unknown",
    "not counted": "not counted",
    # --- the line -----------------------------------------------------------------------------------------------------------------
    "line": (
        "{google} → {with_click:session|sessions} with a click + {assisted} assisted = {sessions:ads session|ads sessions} → {intents} → "
        "{sealed} sealed so far. All traffic: {all_sessions:session|sessions}, {all_intents}. "
        "Not counted: {bots:bot session|bot sessions} ({bot_taps:tap|taps}), {internal} internal."
    ),
    "line.google": "{clicks:ad click|ad clicks} (Google, {timezone}, as of {at})",
    "line.no_google": "No ad clicks entered",
    "line.intents": "{intents:intent|intents} ({phone} phone, {whatsapp} WhatsApp)",
    # --- the page -----------------------------------------------------------------------------------------------------------------
    "span": "{first} ({timezone})",
    "span.days": "{first} to {last} ({timezone})",
    "client": "The client counted {whatsapp} WhatsApp, {phone} phone.",
    "client.nothing": "no",
    "cost": "Cost: {cost} {currency}",
    "cost.intent": ", {cost} an intent",
    "cost.sealed": ", {cost} a sealed one",
    "zones": "Google's days are those of {google}, the site's those of {site}.",
    "buckets": "Where they stayed:",
    "differences": "Why the numbers differ:",
    "rest": "not explained",
    "settled": "Provisional until {at} ({timezone}), settled after that.",
    "changes": "Changed since it was settled:",
    "split.nameless": "(none)",
    "split.rest": "(all others)",
    "column.sessions": "sessions",
    "column.with_click": "with click",
    "column.assisted": "assisted",
    "column.visitors": "visitors",
    "column.intents": "intents",
    "column.phone": "phone",
    "column.whatsapp": "whatsapp",
    "column.form": "form",
    "column.calls": "calls",
    "column.sealed": "sealed",
    "kind.ads": "ads",
    "kind.all": "all",
    "kind.other_paid": "other paid",
    "kind.bots": "bots",
    "kind.internal": "internal",
    # --- numbers that are compared, buckets and parts -----------------------------------------------------------------------------
    "number.google_clicks": "Google's clicks",
    "number.sessions_with_click": "sessions with a click",
    "number.ads_sessions": "ads sessions",
    "number.intents": "ads intents",
    "number.sealed": "sealed",
    "number.all_sessions": "all sessions",
    "number.all_intents": "all intents",
    "number.google_conversions": "Google's conversions",
    "number.client_whatsapp": "the client's WhatsApp chats",
    "number.all_whatsapp": "WhatsApp taps",
    "number.client_phone": "the client's phone calls",
    "number.all_phone": "phone taps",
    "bucket.repeated_clicks": "repeated clicks of one visitor",
    "bucket.reopened_clicks": "sessions of a click that had opened one before",
    "bucket.never_reached": "clicks that never reached the site",
    "bucket.calls_from_ad": "calls straight from the ad",
    "bucket.bots": "bots (with a click)",
    "bucket.internal": "internal (with a click)",
    "bucket.consent_denied": "consent denied (all traffic)",
    "bucket.sessions_without_intent": "ads sessions without an intent",
    "bucket.intents_not_sealed": "ads intents not sealed",
    "bucket.assisted": "assisted",
    "bucket.further_intents": "taps beyond one a session",
    "bucket.forms_and_calls": "sealed forms and calls",
    "bucket.other_paid": "other paid",
    "bucket.organic": "organic",
    # --- reasons ------------------------------------------------------------------------------------------------------------------
    "reason.google_clicks.sessions_with_click.fewer": (
        "Google counts {first:click|clicks}, {second:session|sessions} came with one: whoever leaves before the page has loaded, blocks "
        "the tracker, refuses consent or calls straight from the ad is a click to Google and nobody to the Box."
    ),
    "reason.google_clicks.sessions_with_click.more": (
        "{second:session|sessions} came with a click, Google counts {first}: a click's page can be opened again, Google takes out clicks "
        "it finds invalid, and its newest numbers are not final."
    ),
    "reason.sessions_with_click.ads_sessions.more": (
        "{second:ads session|ads sessions} for {first} with a click: visitors whom an ad brought in the six months before came back "
        "without clicking."
    ),
    "reason.ads_sessions.intents.fewer": (
        "{first:ads session|ads sessions} led to {second:intent|intents}: most visitors look and leave, one may tap twice, and a tap after "
        "midnight counts on its own day."
    ),
    "reason.ads_sessions.intents.more": (
        "{second:intent|intents} from {first:ads session|ads sessions}: visitors tapped more than once, or in a session of the day before."
    ),
    "reason.intents.sealed.fewer": (
        "{second} of {first:intent|intents} are sealed: the others are undecided, junk, or not answered yet."
    ),
    "reason.intents.sealed.more": "{second} are sealed and {first} were tapped: forms and calls without a tap are sealed too.",
    "reason.ads_sessions.all_sessions.more": (
        "{second:session|sessions} in all, {first} of them from Google's ads: the others came unpaid, or by another paid way."
    ),
    "reason.intents.all_intents.more": (
        "{second:intent|intents} in all, {first} of them from Google's ads: the others tapped in a session that no ad had brought."
    ),
    "reason.google_conversions.intents.fewer": (
        "Google counts {first:conversion|conversions}, the Box {second:intent|intents}: Google's are those of its own actions, also calls "
        "from the ad, on the day of the click."
    ),
    "reason.google_conversions.intents.more": (
        "Google counts {first:conversion|conversions}, the Box {second:intent|intents}: Google counts only the actions it was told of, by "
        "the day of the click, and not those it cannot match to a click of its own."
    ),
    "reason.client_whatsapp.all_whatsapp.fewer": (
        "The client counted {first:chat|chats}, the Box {second:WhatsApp tap|WhatsApp taps}: some write without coming by the site, or "
        "from a page without the tracker."
    ),
    "reason.client_whatsapp.all_whatsapp.more": (
        "The Box counted {second:WhatsApp tap|WhatsApp taps}, the client {first:chat|chats}: a tap opens WhatsApp, and not everybody "
        "sends the message."
    ),
    "reason.client_phone.all_phone.fewer": (
        "The client counted {first:call|calls}, the Box {second:phone tap|phone taps}: some call without coming by the site, or dial the "
        "number they have read."
    ),
    "reason.client_phone.all_phone.more": (
        "The Box counted {second:phone tap|phone taps}, the client {first:call|calls}: a tap opens the dialler, and not everybody calls "
        "or gets through."
    ),
    # --- later changes ------------------------------------------------------------------------------------------------------------
    "change": "{at}: {what} of {day} {by}, because {cause}",
    "what.sessions": "sessions",
    "what.intents": "intents",
    "what.forms": "forms",
    "what.calls": "calls",
    "what.sealed": "sealed",
    "what.google_clicks": "Google's clicks",
    "what.google_conversions": "Google's conversions",
    "what.google_cost": "Google's cost",
    "what.client_whatsapp": "the client's WhatsApp chats",
    "what.client_phone": "the client's phone calls",
    "cause.arrived_late": "they arrived late",
    "cause.verdict": "of a later verdict",
    "cause.google": "Google's numbers were told anew",
    "cause.client": "the client's numbers were told anew",
    "cause.erased": "a visitor was erased",
    "cause.retention": "contacts this old are not kept",
}
