-- What signaling shows of somebody to the others in a room.

-- name: signaling_caller
SELECT p.name, o.code, o.name
FROM consilium.person p, consilium.organisation o
WHERE p.id = consilium.me() AND o.id = consilium.my_org()
