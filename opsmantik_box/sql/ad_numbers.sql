-- add_ad_clicks --
-- What Google counted for a campaign ('' for all of them) on a day, as it is known now. Never changed: the newest counts.
insert into ad_clicks (site_id, day, campaign, clicks, google_conversions, cost, currency, as_of, source, call_clicks)
values (:site_id, :day, :campaign, :clicks, :conversions, :cost, :currency, :as_of, :source, :calls);

-- add_client_count --
-- What the client counted himself on a day, as it is known now; null where he told nothing.
insert into client_counts (site_id, day, whatsapp, phone, note, as_of) values (:site_id, :day, :whatsapp, :phone, :note, :as_of);
