"""The icons, drawn on a 24 grid with a 2 px line. Always beside a word, never instead of one."""

from __future__ import annotations

_RING = '<circle cx="12" cy="12" r="9.2"/>'
_OCTAGON = '<path d="M8.2 2.8h7.6l5.4 5.4v7.6l-5.4 5.4H8.2l-5.4-5.4V8.2z"/>'

ICONS = {
    "back": '<path d="M15 5l-7 7 7 7"/>',
    "body": '<circle cx="12" cy="4.6" r="2.4"/><path d="M6 10c2-1.4 4-1.6 6-1.6s4 .2 6 1.6M9.4 8.8V21M14.6 8.8V21M9.4 15h5.2"/>',
    "book": '<path d="M4 5.5A2.5 2.5 0 016.5 3H20v15H6.5A2.5 2.5 0 004 20.5zM4 20.5A2.5 2.5 0 006.5 21H20"/>',
    "busy": '<path d="M20 12a8 8 0 11-2.4-5.7M20 3v4h-4"/>',
    "camera": '<path d="M3 8.5A2.5 2.5 0 015.5 6H7l1.6-2.3h6.8L17 6h1.5A2.5 2.5 0 0121 8.5v9a2.5 2.5 0 01-2.5 2.5h-13A2.5 2.5 0 013 17.5z"/><circle cx="12" cy="12.8" r="3.9"/>',
    "cloud": '<path d="M7 18.5a4.5 4.5 0 01-.4-9A6 6 0 0118 8.8a4.9 4.9 0 01-.6 9.7z"/>',
    "cross": '<path d="M6 6l12 12M18 6L6 18"/>',
    "eye": '<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.8"/>',
    "face": f'{_RING}<path d="M8.6 14.6c1.8 2 5 2 6.8 0M9 9.6v.1M15 9.6v.1"/>',
    "flash": '<path d="M13 2.5L5 13.5h6l-1 8 8-11h-6z"/>',
    "ghost": '<rect x="3" y="6" width="12" height="14" rx="2"/><path d="M8 3h10a3 3 0 013 3v11" stroke-dasharray="2.6 2.6"/>',
    "hold": f'{_RING}<path d="M9.6 8.4v7.2M14.4 8.4v7.2"/>',
    "info": f'{_RING}<path d="M12 11v5.4M12 7.6v.1"/>',
    "key": '<circle cx="8" cy="15" r="4.5"/><path d="M11.3 11.7L20 3M16 7l3 3"/>',
    "link": '<path d="M10 14a4.2 4.2 0 006 0l3.2-3.2a4.2 4.2 0 00-6-6L11.6 6.4M14 10a4.2 4.2 0 00-6 0l-3.2 3.2a4.2 4.2 0 006 6l1.6-1.6"/>',
    "lock": '<rect x="4.5" y="10.5" width="15" height="10" rx="2.4"/><path d="M8 10.5V7.4a4 4 0 018 0v3.1"/>',
    "mail": '<rect x="3" y="5" width="18" height="14" rx="2.4"/><path d="M3.6 7l8.4 6.2L20.4 7"/>',
    "next": '<path d="M9 5l7 7-7 7"/>',
    "no": f'{_OCTAGON}<path d="M8.6 8.6l6.8 6.8M15.4 8.6l-6.8 6.8"/>',
    "people": '<circle cx="8.5" cy="8" r="3.5"/><path d="M2.5 20c0-4 2.4-6.5 6-6.5s6 2.5 6 6.5M15.5 4.8a3.5 3.5 0 010 6.4M17.5 14c2.6.7 4 3 4 6"/>',
    "person": '<circle cx="12" cy="8" r="4"/><path d="M4.5 21c0-4.5 3-7.5 7.5-7.5s7.5 3 7.5 7.5"/>',
    "phone": '<rect x="6.5" y="2.5" width="11" height="19" rx="2.4"/><path d="M11 18.3h2"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "print": '<path d="M7 9V3.5h10V9M7 17.5H4.5V11A2 2 0 016.5 9h11a2 2 0 012 2v6.5H17M7 14.5h10V21H7z"/>',
    "ruler": '<rect x="2" y="8" width="20" height="8" rx="1.5"/><path d="M6 8v3.5M10 8v4.5M14 8v3.5M18 8v4.5"/>',
    "scan": '<path d="M3 8V5a2 2 0 012-2h3M16 3h3a2 2 0 012 2v3M21 16v3a2 2 0 01-2 2h-3M8 21H5a2 2 0 01-2-2v-3M7.5 8v8M11 8v8M14 8v8M16.8 8v8"/>',
    "search": '<circle cx="10.8" cy="10.8" r="6.8"/><path d="M16 16l5 5"/>',
    "send": '<path d="M21 3L10 14M21 3l-7 18-4-7-7-4z"/>',
    "talk": '<path d="M4 5h16v11H10l-4.5 4v-4H4z"/><path d="M8 9h8M8 12.4h5"/>',
    "tick": '<path d="M4 12.5l5 5L20 6.5"/>',
    "undo": '<path d="M4 9h10a6 6 0 010 12H8M4 9l4.6-4.6M4 9l4.6 4.6"/>',
    "warn": '<path d="M12 3.4L22 20.4H2z"/><path d="M12 10v4.6M12 17.5v.1"/>',
    "yes": f'{_RING}<path d="M7.6 12.4l3 3 5.8-6.2"/>',
}

MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">'
    '<circle class="glow" cx="16" cy="19" r="13"/><path class="lens" d="M8 18.5h16a8 8 0 01-16 0z"/>'
    '<path class="hood" d="M14.75 1.5h2.5v4.2a10.8 10.8 0 0110 10.8H4.75a10.8 10.8 0 0110-10.8z"/></svg>'
)
