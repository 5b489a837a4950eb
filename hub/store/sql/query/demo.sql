-- The demo consortium: invented hospitals and people, always the same. Every statement can be run again.

-- name: demo_organisations
INSERT INTO consilium.organisation (code, name, kind, timezone, created_at) VALUES
    ('LEAD', '江城市中心医院', 'lead', 'Asia/Shanghai', '2026-01-01'),
    ('COUNTY1', '青山县人民医院', 'county', 'Asia/Shanghai', '2026-01-02'),
    ('COUNTY2', '白水县人民医院', 'county', 'Asia/Shanghai', '2026-01-03'),
    ('TOWN1', '青山县柳树镇卫生院', 'township', 'Asia/Shanghai', '2026-01-04'),
    ('PANEL1', 'Hospital Pakar Seri Teluk', 'panel', 'Asia/Kuala_Lumpur', '2026-01-05')
ON CONFLICT (code) DO NOTHING

-- name: demo_parents
UPDATE consilium.organisation SET parent = (SELECT id FROM consilium.organisation WHERE code = 'COUNTY1')
WHERE code = 'TOWN1' AND parent IS NULL

-- name: demo_consortium
INSERT INTO consilium.consortium (name) VALUES ('江城市远程医疗联合体') ON CONFLICT DO NOTHING

-- name: demo_members
INSERT INTO consilium.consortium_member (consortium, organisation)
SELECT c.id, o.id FROM consilium.consortium c, consilium.organisation o
WHERE c.name = '江城市远程医疗联合体' AND o.code IN ('LEAD', 'COUNTY1', 'COUNTY2', 'TOWN1', 'PANEL1')
ON CONFLICT DO NOTHING

-- name: demo_agreements
INSERT INTO consilium.agreement (from_organisation, to_organisation, scope, valid_from)
SELECT f.id, t.id, ARRAY['consult', 'referral', 'teaching', 'recognition'], DATE '2026-01-01'
FROM (VALUES ('COUNTY1', 'LEAD'), ('COUNTY2', 'LEAD'), ('TOWN1', 'LEAD'), ('PANEL1', 'LEAD'), ('TOWN1', 'COUNTY1'),
             ('LEAD', 'COUNTY1'), ('LEAD', 'COUNTY2'), ('LEAD', 'TOWN1'), ('LEAD', 'PANEL1'), ('COUNTY1', 'TOWN1'))
     AS pair (sender, receiver)
JOIN consilium.organisation f ON f.code = pair.sender JOIN consilium.organisation t ON t.code = pair.receiver
ON CONFLICT (from_organisation, to_organisation) DO NOTHING

-- name: demo_departments
INSERT INTO consilium.department (organisation, code, name)
SELECT o.id, d.code, d.name
FROM (VALUES ('LEAD', 'radiology', '放射科'), ('LEAD', 'cardiology', '心内科'), ('LEAD', 'surgery', '普外科'),
             ('LEAD', 'ultrasound', '超声科'), ('LEAD', 'emergency', '急诊科'), ('LEAD', 'pathology', '病理科'),
             ('COUNTY1', 'internal', '内科'), ('COUNTY1', 'radiology', '放射科'), ('COUNTY1', 'ultrasound', '超声科'),
             ('COUNTY2', 'internal', '内科'), ('COUNTY2', 'radiology', '放射科'),
             ('TOWN1', 'general', '全科'), ('PANEL1', 'general', 'Perubatan Am')) AS d (organisation, code, name)
JOIN consilium.organisation o ON o.code = d.organisation
ON CONFLICT DO NOTHING

-- name: demo_people
INSERT INTO consilium.person (login, name, title, language, password_hash)
SELECT login, name, title, language, $1
FROM (VALUES ('lead.specialist', '陈志远 (Chen Zhiyuan)', '主任医师 Chief Physician', 'zh-CN'),
             ('lead.radiologist', '林雪梅 (Lin Xuemei)', '副主任医师 Associate Chief Physician', 'zh-CN'),
             ('lead.coordinator', '王海燕 (Wang Haiyan)', '远程医疗协调员 Coordinator', 'zh-CN'),
             ('lead.teacher', '周启明 (Zhou Qiming)', '教授 Professor', 'zh-CN'),
             ('lead.admin', '孙立 (Sun Li)', '系统管理员 Administrator', 'zh-CN'),
             ('county1.doctor', '李建国 (Li Jianguo)', '主治医师 Attending Physician', 'zh-CN'),
             ('county1.radiographer', '赵敏 (Zhao Min)', '放射技师 Radiographer', 'zh-CN'),
             ('county1.coordinator', '吴芳 (Wu Fang)', '协调员 Coordinator', 'zh-CN'),
             ('county2.doctor', '郑伟 (Zheng Wei)', '主治医师 Attending Physician', 'zh-CN'),
             ('town1.doctor', '何秀英 (He Xiuying)', '全科医师 General Practitioner', 'zh-CN'),
             ('panel1.coordinator', 'Nur Aisyah binti Rahman', 'Penyelaras Coordinator', 'ms'),
             ('auditor', '黄正 (Huang Zheng)', '审计员 Auditor', 'zh-CN')) AS p (login, name, title, language)
ON CONFLICT (login) DO NOTHING

-- name: demo_roles
INSERT INTO consilium.person_role (person, organisation, role, department)
SELECT p.id, o.id, r.role, d.id
FROM (VALUES ('lead.specialist', 'LEAD', 'specialist', 'radiology'), ('lead.specialist', 'LEAD', 'specialist', 'cardiology'),
             ('lead.radiologist', 'LEAD', 'radiologist', 'radiology'), ('lead.coordinator', 'LEAD', 'coordinator', NULL),
             ('lead.teacher', 'LEAD', 'teacher', 'surgery'), ('lead.admin', 'LEAD', 'admin', NULL),
             ('county1.doctor', 'COUNTY1', 'doctor', 'internal'),
             ('county1.radiographer', 'COUNTY1', 'radiographer', 'radiology'),
             ('county1.coordinator', 'COUNTY1', 'coordinator', NULL), ('county2.doctor', 'COUNTY2', 'doctor', 'internal'),
             ('town1.doctor', 'TOWN1', 'doctor', 'general'), ('panel1.coordinator', 'PANEL1', 'coordinator', NULL),
             ('auditor', 'LEAD', 'auditor', NULL)) AS r (login, organisation, role, department)
JOIN consilium.person p ON p.login = r.login JOIN consilium.organisation o ON o.code = r.organisation
LEFT JOIN consilium.department d ON d.organisation = o.id AND d.code = r.department
ON CONFLICT DO NOTHING

-- name: demo_aes
INSERT INTO consilium.ae (title, organisation, host, port)
SELECT a.title, o.id, '127.0.0.1', a.port
FROM (VALUES ('COUNTY1_CT', 'COUNTY1', NULL::integer), ('COUNTY1_US', 'COUNTY1', NULL), ('COUNTY2_CT', 'COUNTY2', NULL),
             ('LEAD_PACS', 'LEAD', 11113), ('BENCHSCU', 'COUNTY1', 24300)) AS a (title, organisation, port)
JOIN consilium.organisation o ON o.code = a.organisation
ON CONFLICT (title) DO NOTHING

-- What the demo accounts' password is now: one hash, since all have the same.
-- name: demo_password_hashes
SELECT DISTINCT password_hash FROM consilium.person
WHERE login IN ('lead.specialist', 'lead.radiologist', 'lead.coordinator', 'lead.teacher', 'lead.admin', 'county1.doctor',
    'county1.radiographer', 'county1.coordinator', 'county2.doctor', 'town1.doctor', 'panel1.coordinator', 'auditor')

-- name: demo_people_count
SELECT count(*) FROM consilium.person
WHERE login IN ('lead.specialist', 'lead.radiologist', 'lead.coordinator', 'lead.teacher', 'lead.admin', 'county1.doctor',
    'county1.radiographer', 'county1.coordinator', 'county2.doctor', 'town1.doctor', 'panel1.coordinator', 'auditor')

-- name: demo_password_set
UPDATE consilium.person SET password_hash = $1
WHERE login IN ('lead.specialist', 'lead.radiologist', 'lead.coordinator', 'lead.teacher', 'lead.admin', 'county1.doctor',
    'county1.radiographer', 'county1.coordinator', 'county2.doctor', 'town1.doctor', 'panel1.coordinator', 'auditor')
