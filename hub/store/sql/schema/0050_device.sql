-- Why: cameras and ultrasound machines that speak RTSP and may be brought into a room. Which addresses the hub opens is an
-- administrator's decision (consilium device add), never a room member's.

CREATE TABLE consilium.device (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation uuid NOT NULL REFERENCES consilium.organisation,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    url text NOT NULL CHECK (url ~ '^rtsps?://' AND length(url) <= 1000), -- with the machine's password, if it wants one
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation, name)
);
ALTER TABLE consilium.device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON consilium.device TO consilium_owner USING (true) WITH CHECK (true);
CREATE POLICY hub_own ON consilium.device FOR SELECT TO consilium_hub USING (organisation = consilium.my_org());
GRANT SELECT ON consilium.device TO consilium_hub;
