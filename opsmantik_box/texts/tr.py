"""Turkish. After a number a noun stays singular; where a number takes a suffix, `{n:'i}` gives the one its last word asks for."""

_UNITS = ("ı", "i", "si", "ü", "ü", "i", "sı", "si", "i", "u")
"""sıfır'ı, bir'i, iki'si, üç'ü, dört'ü, beş'i, altı'sı, yedi'si, sekiz'i, dokuz'u."""
_TENS = ("", "u", "si", "u", "ı", "si", "ı", "i", "i", "ı")
"""on'u, yirmi'si, otuz'u, kırk'ı, elli'si, altmış'ı, yetmiş'i, seksen'i, doksan'ı."""


def of_them(number: int) -> str:
    """The possessive suffix of a number, by the last word it is read as: 18 → i (18'i), 40 → ı, 100 → ü, 1000 → i, 2000000 → u."""
    if number % 10 or number == 0:
        return _UNITS[number % 10]
    if number % 100:
        return _TENS[number // 10 % 10]
    if number % 1000:
        return "ü"
    return "i" if number % 1_000_000 else "u"


TEXTS = {
    "decimal_mark": ",",
    "unknown": "bilinmiyor",
    "not counted": "sayılmıyor",
    # --- the line -----------------------------------------------------------------------------------------------------------------
    "line": (
        "{google} → tıklamayla gelen {with_click} oturum + {assisted} destekli = {sessions} reklam oturumu → {intents} → "
        "şu ana kadar {sealed:'i} mühürlendi. Tüm trafik: {all_sessions} oturum, {all_intents}. "
        "Sayılmayan: {bots} bot oturumu ({bot_taps} dokunuş), {internal} dahili."
    ),
    "line.google": "{clicks} reklam tıklaması (Google, {timezone}, {at} itibarıyla)",
    "line.no_google": "Reklam tıklaması girilmedi",
    "line.intents": "{intents} sırada ({phone} telefon, {whatsapp} WhatsApp)",
    # --- the page -----------------------------------------------------------------------------------------------------------------
    "span": "{first} ({timezone})",
    "span.days": "{first} – {last} ({timezone})",
    "client": "Müşterinin saydığı: {whatsapp} WhatsApp, {phone} telefon.",
    "client.nothing": "söylenmemiş",
    "cost": "Maliyet: {cost} {currency}",
    "cost.intent": ", sıradaki kişi başına {cost}",
    "cost.sealed": ", mühürlenen başına {cost}",
    "zones": "Google'ın günleri {google}, sitenin günleri {site} saatine göredir.",
    "buckets": "Nerede kaldılar:",
    "differences": "Sayılar neden farklı:",
    "rest": "açıklanamayan",
    "settled": "{at} ({timezone}) zamanına kadar geçici, sonra kesin.",
    "changes": "Kesinleştikten sonra değişenler:",
    "split.nameless": "(yok)",
    "split.rest": "(diğerleri)",
    "column.sessions": "oturum",
    "column.with_click": "tıklamalı",
    "column.assisted": "destekli",
    "column.visitors": "ziyaretçi",
    "column.intents": "sırada",
    "column.phone": "telefon",
    "column.whatsapp": "whatsapp",
    "column.form": "form",
    "column.calls": "arama",
    "column.sealed": "mühürlü",
    "kind.ads": "reklam",
    "kind.all": "tümü",
    "kind.other_paid": "diğer ücretli",
    "kind.bots": "botlar",
    "kind.internal": "dahili",
    # --- numbers that are compared, buckets and parts -----------------------------------------------------------------------------
    "number.google_clicks": "Google'ın tıklamaları",
    "number.sessions_with_click": "tıklamayla gelen oturumlar",
    "number.ads_sessions": "reklam oturumları",
    "number.intents": "reklamdan sıradakiler",
    "number.sealed": "mühürlenenler",
    "number.all_sessions": "tüm oturumlar",
    "number.all_intents": "tüm sıradakiler",
    "number.google_conversions": "Google'ın dönüşümleri",
    "number.client_whatsapp": "müşterinin WhatsApp yazışmaları",
    "number.all_whatsapp": "WhatsApp dokunuşları",
    "number.client_phone": "müşterinin telefon görüşmeleri",
    "number.all_phone": "telefon dokunuşları",
    "bucket.repeated_clicks": "aynı ziyaretçinin yinelenen tıklamaları",
    "bucket.reopened_clicks": "önceden oturum açmış bir tıklamanın yeni oturumları",
    "bucket.never_reached": "siteye hiç ulaşmayan tıklamalar",
    "bucket.calls_from_ad": "doğrudan reklamdan aramalar",
    "bucket.bots": "botlar (tıklamayla gelen)",
    "bucket.internal": "dahili (tıklamayla gelen)",
    "bucket.consent_denied": "izin vermeyenler (tüm trafik)",
    "bucket.sessions_without_intent": "sıraya girmeyen reklam oturumları",
    "bucket.intents_not_sealed": "mühürlenmeyen reklam sıradakileri",
    "bucket.assisted": "destekli",
    "bucket.further_intents": "oturum başına birden sonraki dokunuşlar",
    "bucket.forms_and_calls": "mühürlenen formlar ve aramalar",
    "bucket.other_paid": "diğer ücretli",
    "bucket.organic": "organik",
    # --- reasons ------------------------------------------------------------------------------------------------------------------
    "reason.google_clicks.sessions_with_click.fewer": (
        "Google {first} tıklama sayıyor, tıklamayla {second} oturum geldi: sayfa yüklenmeden ayrılan, izleyiciyi engelleyen, izin vermeyen "
        "ya da doğrudan reklamdan arayan kişi Google için bir tıklamadır, Box onu hiç görmez."
    ),
    "reason.google_clicks.sessions_with_click.more": (
        "Tıklamayla {second} oturum geldi, Google {first} tıklama sayıyor: bir tıklamanın sayfası yeniden açılabilir, Google geçersiz "
        "bulduğu tıklamaları çıkarır ve en yeni sayıları kesin değildir."
    ),
    "reason.sessions_with_click.ads_sessions.more": (
        "{second} reklam oturumunun {first:'i} tıklamayla geldi: ötekiler son altı ayda bir reklamla gelmiş, bu kez tıklamadan dönmüş "
        "ziyaretçilerdir."
    ),
    "reason.ads_sessions.intents.fewer": (
        "{first} reklam oturumundan {second} kişi sırada: ziyaretçilerin çoğu bakıp gider, biri iki kez dokunabilir, gece yarısından "
        "sonraki dokunuş kendi gününde sayılır."
    ),
    "reason.ads_sessions.intents.more": (
        "{first} reklam oturumundan {second} dokunuş: ziyaretçiler birden çok kez ya da bir önceki günün oturumunda dokundu."
    ),
    "reason.intents.sealed.fewer": "Sıradaki {first} kişiden {second:'i} mühürlü: ötekiler henüz kararsız, geçersiz ya da yanıtsız.",
    "reason.intents.sealed.more": "{first} dokunuş, {second} mühür: formlar ve dokunuşsuz aramalar da mühürlenir.",
    "reason.ads_sessions.all_sessions.more": (
        "Toplam {second} oturumun {first:'i} Google reklamlarından: ötekiler ücretsiz ya da başka bir ücretli yoldan geldi."
    ),
    "reason.intents.all_intents.more": (
        "Toplam {second} dokunuşun {first:'i} Google reklamlarından: ötekiler reklamın getirmediği oturumlarda dokundu."
    ),
    "reason.google_conversions.intents.fewer": (
        "Google {first} dönüşüm, Box {second} dokunuş sayıyor: Google kendi işlemlerini, reklamdan aramaları da, tıklamanın gününde sayar."
    ),
    "reason.google_conversions.intents.more": (
        "Google {first} dönüşüm, Box {second} dokunuş sayıyor: Google yalnız kendisine bildirilen işlemleri, tıklamanın gününde sayar; "
        "bir tıklamasıyla eşleştiremediğini saymaz."
    ),
    "reason.client_whatsapp.all_whatsapp.fewer": (
        "Müşteri {first} yazışma, Box {second} WhatsApp dokunuşu saydı: kimi siteye uğramadan ya da izleyicisiz bir sayfadan yazar."
    ),
    "reason.client_whatsapp.all_whatsapp.more": (
        "Box {second} WhatsApp dokunuşu, müşteri {first} yazışma saydı: dokunuş WhatsApp'ı açar, herkes iletiyi göndermez."
    ),
    "reason.client_phone.all_phone.fewer": (
        "Müşteri {first} görüşme, Box {second} telefon dokunuşu saydı: kimi siteye uğramadan arar ya da okuduğu numarayı kendisi çevirir."
    ),
    "reason.client_phone.all_phone.more": (
        "Box {second} telefon dokunuşu, müşteri {first} görüşme saydı: dokunuş arama ekranını açar, herkes aramaz ya da ulaşamaz."
    ),
    # --- later changes ------------------------------------------------------------------------------------------------------------
    "change": "{at}: {day} günü, {what} {by} ({cause})",
    "what.sessions": "oturum",
    "what.intents": "sırada",
    "what.forms": "form",
    "what.calls": "arama",
    "what.sealed": "mühürlü",
    "what.google_clicks": "Google'ın tıklamaları",
    "what.google_conversions": "Google'ın dönüşümleri",
    "what.google_cost": "Google'ın maliyeti",
    "what.client_whatsapp": "müşterinin WhatsApp yazışmaları",
    "what.client_phone": "müşterinin telefon görüşmeleri",
    "cause.arrived_late": "geç ulaştı",
    "cause.verdict": "sonradan verilen karar",
    "cause.google": "Google'ın sayıları yeniden girildi",
    "cause.client": "müşterinin sayıları yeniden girildi",
    "cause.erased": "bir ziyaretçi silindi",
    "cause.retention": "saklama süresi doldu",
}
