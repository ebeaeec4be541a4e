-- Clicks on the number in the ad, which call and never see the site; null where Google's report was not split by click type.
alter table ad_clicks add column call_clicks integer;
