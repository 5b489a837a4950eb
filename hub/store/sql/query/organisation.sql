-- The directory of the consortium.

-- name: organisation_list
SELECT json_build_object('id', o.id, 'code', o.code, 'name', o.name, 'kind', o.kind,
    'departments', coalesce((SELECT json_agg(json_build_object('id', d.id, 'code', d.code, 'name', d.name) ORDER BY d.code)
                             FROM consilium.department d WHERE d.organisation = o.id), '[]'),
    'may', to_json(ARRAY(SELECT w FROM unnest(ARRAY['consult', 'referral']) w
                         WHERE consilium.agreed(consilium.my_org(), o.id, w))))
FROM consilium.organisation o WHERE o.id IN (SELECT consilium.my_consortium()) ORDER BY o.code
