"""Turkish: the privacy report (ops/privacy.py). `kept.*` and `why.*` are kinds of domain/retention.py."""

TEXTS = {
    "privacy.title": "OpsMantik Box, {name} ziyaretçileri hakkında neyi saklar ({day})",
    "privacy.kept": "Ne, neden ve ne kadar süre saklanır",
    "privacy.personal": "Ziyaretçiler ve arayanlar hakkında:",
    "privacy.other": "Ziyaretçilerle ilgili olmayan:",
    "privacy.told": "Sayfadaki betiğin sayfa adresi dışında bildirebildikleri (gerisi okunmadan atılır):",
    "privacy.never": "Hiç saklanmayanlar:",
    "privacy.receivers": "Kimler erişir:",
    "privacy.nobody": (
        "Başka hiç kimseye bir şey gönderilmez: Google'a, bir mesajlaşma uygulamasına ya da başka bir hizmete aktarım açık "
        "değildir."
    ),
    "days.kept": "{days} gün saklanır.",
    "days.while": "Site ya da kişi Box'ta olduğu sürece saklanır.",
    "days.oldest": "En eskisi {day} tarihli.",
    "days.not_yet": "Bu sürüm henüz kendiliğinden silmez.",
    "days.overdue": "Bu, kuralın söylediğinden uzundur.",
    # --- kinds --------------------------------------------------------------------------------------------------------------------
    "kept.events": "Ziyaretçilerin sayfalarda yaptıkları: sayfa, zaman, kaydırma, dokunuş",
    "why.events": "Her dokunuşu bir kez saymak ve ona götüreni göstermek için. Aylık olarak silinir: ay bittikten bu kadar "
    "sonra, doğrulanmış bir yedekte varsa.",
    "kept.sessions": (
        "Oturumlar: ilk ve son sayfa, reklamın tıklama kimliği, kampanya, cihaz, tarayıcı, şehir, kısaltılmış adres, izin, ziyaretçinin "
        "rastgele kimliği"
    ),
    "why.sessions": "Hangi reklamın hangi iletişime götürdüğünü bilmek için.",
    "kept.touches": "Reklam tıklamaları: tıklama kimliği, zaman, ziyaretçinin rastgele kimliği, kısaltılmış adres",
    "why.touches": "Altı ay içinde geri gelen ziyaretçi hâlâ reklamındır.",
    "kept.unsealed": (
        "Mühürlenmemiş dokunuşlar, formlar ve aramalar; arayanların numarası, adı ve e-posta adresi şifreli; notlar, denemeler"
    ),
    "why.unsealed": "Geri aramak ve sonucunu söylemek için.",
    "kept.sealed": "Mühürlenmiş iletişimler, tutarıyla; arayanların numarası, adı ve e-posta adresi şifreli; notlar, denemeler",
    "why.sealed": "Reklamın ne getirdiğini bilmek ve bir ayı bir yıl öncekiyle karşılaştırmak için.",
    "kept.feed": "Operatör ekranlarına iletiler (numarasız)",
    "why.feed": "Bir süre kapalı kalan ekran hiçbir şey kaçırmasın diye.",
    "kept.ids": "Betiğin gönderdiklerinin kimlikleri ve sağlama toplamları (ay ay, ayın bitiminden bu kadar gün sonra silinir)",
    "why.ids": "İki kez gönderilen bir kez sayılsın diye.",
    "kept.relayed": (
        "Kutu erişilemezken bir röleye gelen sinyaller, geldikleri gibi, tam adresle; kutuya ulaşınca silinir, "
        "reddedilenler bu kadar gün sonra"
    ),
    "why.relayed": "Kutu erişilemezken hiçbir şey kaybolmasın diye.",
    "kept.messages": "Telefon santrallerinin gönderdiklerinin kimlikleri",
    "why.messages": "Aynı nedenle.",
    "kept.answers": "Operatör komutlarına verilen yanıtlar",
    "why.answers": "İki kez gönderilen komut bir kez yapılsın diye.",
    "kept.deliveries": "Açılmış bir hizmete gönderilecekler ve sonuçları",
    "why.deliveries": "Hiçbir şey kaybolmasın ve iki kez gönderilmesin diye.",
    "kept.arrivals": "Bir siteden saatte kaç sinyalin ulaştığı ya da kaybolduğu; betiğin sürümleri",
    "why.arrivals": "Ulaşmayan kişileri fark etmek için.",
    "kept.alerts": "Makinenin alarmları ve denetimleri",
    "why.alerts": "Neyin ters gittiğini bulmak için.",
    "kept.refusals": "Neyin kaç kez geri çevrildiği, gün ve nedene göre",
    "why.refusals": "Hiçbir şey sessizce geri çevrilmesin diye.",
    "kept.hours": "Bir sitenin her saatte kaç oturum, reklam tıklaması ve iletişim isteği aldığı",
    "why.hours": "Artık kimse gelmiyorsa bunu fark etmek için.",
    "kept.audit": "Hangi operatörün ne yaptığı, kimin numarasına bakıldığı da",
    "why.audit": "Verinin hesabını verebilmek için.",
    "kept.erasures": "Birinin silindiği: ne zaman, kim tarafından, kaç satır, bir de anahtarlı özetler; kim olduğu değil",
    "why.erasures": "Kanıt için ve geri yüklenen bir yedek kimseyi geri getirmesin diye.",
    "kept.summaries": "Günlük sayılar; Google'ın ve müşterinin kendi sayıları",
    "why.summaries": "Raporlar için. İçlerinde tek bir ziyaretçi yoktur.",
    "kept.people": "Ajansın kullanıcıları, anahtarları ve parolaları (özetlenmiş)",
    "why.people": "Girmesi gerekeni içeri almak için.",
    "kept.settings": "Sitenin ayarları ve santrallerin çağırdığı adresler",
    "why.settings": "Siteyi yürütmek için.",
    "kept.machinery": "Dosya listeleri, anahtarlar, iş zamanları",
    "why.machinery": "Box'ı yürütmek için.",
    # --- what a tracker may tell --------------------------------------------------------------------------------------------------
    "meta.visitor": "ziyaretçinin rastgele kimliği (sitenin kendisinin; izin vermeyeninki tutulmaz)",
    "meta.click": "reklamın tıklama kimliği (aynı şekilde)",
    "meta.contact": "hangi düğme ya da formun kullanıldığı",
    "meta.attention": "ne kadar ve ne süre okunduğu",
    "meta.page": "sayfanın başlığı, ziyaretçinin nereden geldiği",
    "meta.place": "şehir ve ilçe",
    "meta.consent": "ziyaretçinin seçimi",
    "meta.internal": "ajansın kendi tarayıcısı olduğu",
    "meta.health": "betiğin kendisinin çalışıp çalışmadığı",
    # --- never --------------------------------------------------------------------------------------------------------------------
    "never.full_address": "tam internet adresi: diske ulaşmadan kısaltılır (IPv4 /24, IPv6 /48)",
    "never.cookies_of_others": "başka sitelerin çerezleri ya da kimlikleri: ziyaretçinin kimliği sitenin kendisinindir",
    "never.hardware": "cihazın izleri (ekran kartı, bellek, ekran): birlikte, kimsenin istemediği bir parmak izi olurlardı",
    "never.contents": (
        "WhatsApp'ta ve telefonda konuşulanlar ya da yazılanlar, sitenin kendisinin ilettiği iletişim bilgisi dışında formlara "
        "yazılanlar"
    ),
    "never.numbers_of_taps": "bir düğmeye dokunan ziyaretçinin numarası: sayfa onu bilmez",
    # --- receivers ----------------------------------------------------------------------------------------------------------------
    "receiver.owner": "Bu Box'ı kendi makinesinde yürüten ajans",
    "receives.owner": "yukarıdakilerin tümü; makineyi barındıran, ajans adına saklar",
    "receives.backup": "makinenin kaybı durumu için yukarıdakilerin tümünün kopyaları",
    "receives.messages": "şunlarla ilgili iletiler: {kinds}; numara içermez",
    "rights.read": "sitenin raporlarını ve oturumlarını görür, numaraları görmez",
    "rights.operate": "iletişimler üzerinde çalışır; üzerinde çalıştığı iletişimin numarasını görür",
    "rights.admin": "operatör gibi, ayrıca siteyi yönetir",
}
