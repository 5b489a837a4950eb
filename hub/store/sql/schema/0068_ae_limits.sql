-- Why: one scanner may need narrower or wider limits than the configuration gives to all.
ALTER TABLE consilium.ae
    ADD COLUMN associations integer CHECK (associations > 0),          -- at once; NULL: as configured
    ADD COLUMN association_rate integer CHECK (association_rate > 0),  -- a minute; NULL: as configured
    ADD COLUMN object_limit bigint CHECK (object_limit > 0);           -- bytes of one object; NULL: as configured
