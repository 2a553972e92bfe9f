"""Names of queues, agents and VDNs, with the mix of languages a real site has."""

from __future__ import annotations

from .hashing import mix

_QUEUES = (
    "Billing", "Sales", "Technical support", "Retention", "Claims", "Hotline", "Orders", "Returns",
    "Kundendienst", "Störungsannahme", "Rückfragen", "Facturación", "Atención al cliente", "Résiliation",
    "账单查询", "投诉受理", "Техподдержка", "خدمة العملاء", "Çağrı merkezi", "VIP",
)  # fmt: skip
_GIVEN = (
    "Anna", "Jonas", "Li Wei", "Fatima", "José", "Zoë", "Łukasz", "Priya", "Olga", "Mehmet", "Søren",
    "Aïcha", "Kwame", "Noor", "张伟", "王芳", "Иван", "Chidi", "Inés", "Bjørn",
)  # fmt: skip
_FAMILY = (
    "Müller", "Schmidt", "García", "Okafor", "Nowak", "Chen", "Öztürk", "Silva", "Petrova", "Haddad",
    "Larsen", "O'Neill", "Dubois", "Kumar", "Rossi", "Nguyễn", "Kovács", "Hansen", "Mbeki", "Ibsen",
)  # fmt: skip
_VDNS = (
    "Berlin", "Madrid", "Shenzhen", "Warszawa", "İstanbul", "Lagos", "São Paulo", "Dubai", "Kraków", "Oslo",
)  # fmt: skip
_SKILL_MEDIA = (5, 5, 5, 5, 5, 5, 51, 51, 53, 6, 8, 1)


def skill_name(seed: int, vdn: int, skill_id: int) -> str:
    """Return the name of a skill queue, such as "Billing 7"."""
    return f"{_QUEUES[mix(seed, 11, vdn, skill_id) % len(_QUEUES)]} {skill_id}"


def skill_media(seed: int, vdn: int, skill_id: int) -> int:
    """Return the media type of a skill queue; most take phone calls (5)."""
    return _SKILL_MEDIA[mix(seed, 12, vdn, skill_id) % len(_SKILL_MEDIA)]


def agent_name(seed: int, agent_id: int) -> str:
    """Return the name of an agent."""
    bits = mix(seed, 13, agent_id)
    return f"{_GIVEN[bits % len(_GIVEN)]} {_FAMILY[(bits >> 20) % len(_FAMILY)]}"


def vdn_name(vdn: int) -> str:
    """Return the name of a VDN."""
    return f"{_VDNS[vdn % len(_VDNS)]} {vdn}"
