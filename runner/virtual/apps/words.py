"""What the apps say in each language: one row per fixed string, English first.

Only whole strings are translated, so captions, names and counts of a dump stay as they are. Adding a
language is a column here and, where its screens differ in shape, a dump.
"""

from __future__ import annotations

from functools import cache

# Seen in dumps of both languages (43.1.4).
_SEEN = {
    "Home": "Accueil",
    "Friends": "Ami(e)s",
    "Create": "Créer",
    "Inbox": "Messages",
    "Profile": "Profil",
    "Next": "Suivant",
    "Post": "Publier",
    "Drafts": "Brouillons",
    "Recents": "Récents",
    "Close": "Fermer",
    "Your Story": "Ta Story",
    "Add sound": "Ajouter un son",
    "Not now": "Pas maintenant",
    "All": "Tout",
    "Videos": "Vidéos",
    "POST": "PUBLIER",
    "CREATE": "CRÉER",
    "TEXT": "TEXTE",
    "10m": "10 min",
    "60s": "60 s",
    "15s": "15 s",
    "Music": "Musique",
    "Explore": "Explorer",
    "Following": "Suivis",
    "Shop": "Boutique",
    "For You": "Pour toi",
    "Search": "Rechercher",
    "Video": "Vidéo",
    "Share": "Partager",
    "Like": "J'aime",
    "Bottom sheet": "Feuille du bas",
    "Add": "Ajouter",
}

# Seen in French only; the English is TikTok's own where it is well known.
_FRENCH_FIRST = {
    "Profile menu": "Menu du profil",
    "Profile photo": "Photo de profil",
    "Profile views": "Vues du profil",
    "Create a Story": "Créer une Story",
    "Private videos": "Vidéos privées",
    "Liked videos": "Vidéos aimées",
    "Favorites": "Favoris",
    "Add to Favorites": "Ajouter aux Favoris",
    "Posts": "Publications",
    "Likes": "J'aime",
    "Use this sound": "Utiliser le son",
    "Add to Story": "Ajouter à la Story",
    "Original sound": "Son original",
    "Share sound": "Partager le son",
    "Log in": "Se connecter",
    "Phone": "Téléphone",
    "Email / Username": "E-mail/nom d'utilisateur",
    "Phone number": "Numéro de téléphone",
    "Continue": "Continuer",
    "Go back to previous screen": "Retour à l'écran précédent",
    "Create shared collections with a friend": "Crée des collections partagées avec un(e) ami(e)",
    "Invite a friend to add and manage posts together.": (
        "Invite un(e) ami(e) à ajouter et gérer des publications ensemble."
    ),
    "You can create one anytime by tapping “Collections” after saving a post.": (
        "Tu peux en créer à tout moment en appuyant sur « Collections » "
        "après avoir enregistré une publication."
    ),
    "Find them under Collections on your profile.": (
        "Retrouve-les dans la rubrique Collections de ton profil."
    ),
    "Try it": "Essayer",
    "Back": "Retour",
    # Words of these were lost when the dumps were anonymised.
    "Add a friend": "Ajouter une Name 905",
    "Report a problem": "Signaler Name 942 Name 943",
    "Save login info": "Name 944 Name 945 informations de connexion Name 946",
    # Android's permission controller.
    "While using the app": "Lorsque vous utilisez l'appli",
    "Only this time": "Uniquement cette fois-ci",
}

# Seen in English only; no dump shows the French.
_ENGLISH_FIRST = {
    "Switch account": "Changer de compte",
    "Add account": "Ajouter un compte",
    "Checkmark": "Coche",
    "Save login for next time?": "Enregistrer les informations de connexion ?",
    "Save login": "Enregistrer",
    "Dialog": "Boîte de dialogue",
    "Select multiple": "Sélection multiple",
    "AI gallery": "Galerie IA",
    "Down": "Vers le bas",
    "Text": "Texte",
    "Flip": "Retourner",
    "Timer": "Minuteur",
    "Layout": "Mise en page",
    "Ratio": "Proportions",
    "Retouch": "Retouche",
    "Dropdown menu": "Menu déroulant",
    "Templates": "Modèles",
    "New video": "Nouvelle vidéo",
    "Photo editor": "Éditeur de photos",
    "Captions": "Sous-titres",
    "AI Video": "Vidéo IA",
    "Cutout": "Découpage",
    "Settings": "Paramètres",
    "Edit": "Modifier",
    "Video templates": "Modèles de vidéo",
    "Effects": "Effets",
    "Cover": "Couverture",
    "Edit cover": "Modifier la couverture",
    "Preview": "Aperçu",
    "Hashtags": "Hashtags",
    "Mention": "Mentionner",
    "Location": "Lieu",
    "More info": "Plus d'infos",
    "Add link": "Ajouter un lien",
    "Add link ": "Ajouter un lien ",
    "Everyone can view this post": "Tout le monde peut voir cette publication",
    "Public": "Public",
    "More options": "Plus d'options",
    "Share to": "Partager sur",
    "Add a catchy title": "Ajoute un titre accrocheur",
    "Add description...": "Ajouter une description...",
    "Writing a long description can help get 3x more views on average.": (
        "Une longue description peut multiplier les vues par 3 en moyenne."
    ),
    "Collapse": "Réduire",
    "Connect with friends to view their posts": "Connecte-toi avec des ami(e)s pour voir leurs publications",
    "Local": "Local",
    "See original": "Voir l'original",
    "See more": "Voir plus",
    "Reply": "Répondre",
    "Sort": "Trier",
    "Add comment...": "Ajouter un commentaire...",
    "To connect with people you know on TikTok, allow access to your contacts in your device settings.": (
        "Pour retrouver les personnes que tu connais sur TikTok, autorise l'accès à tes contacts "
        "dans les paramètres de ton appareil."
    ),
    "Open settings": "Ouvrir les paramètres",
    "Don’t allow": "Ne pas autoriser",
    "Turn on notifications?": "Activer les notifications ?",
    "Turn on": "Activer",
    "Comments": "Commentaires",
    "Account status": "Statut du compte",
    "The account has been blocked": "Le compte a été bloqué",
}

# Seen in no dump: named by public automation code, or needed for a state that has none.
_UNSEEN = {
    "Follow your friends": "Suis tes ami(e)s",
    "Follow": "Suivre",
    "Keep editing your unposted video?": "Continuer à modifier ta vidéo non publiée ?",
    "Cancel": "Annuler",
    "Community Guidelines Update": "Mise à jour des Règles Communautaires",
    "Privacy Policy Update": "Mise à jour de la Politique de confidentialité",
    "Got it": "J'ai compris",
    "Publish video publicly?": "Publier la vidéo publiquement ?",
    "Publish now": "Publier maintenant",
    "Add TikTok camera shortcut": "Ajouter un raccourci vers la caméra TikTok",
    "Link email": "Associer une adresse e-mail",
    "Something went wrong. Try again later.": "Un problème est survenu. Réessaie plus tard.",
    "Retry": "Réessayer",
    "Discard edits?": "Supprimer les modifications ?",
    "Discard": "Supprimer",
    "Keep editing": "Continuer",
    "Drafts: {count}": "Brouillons : {count}",
    "Next ({count})": "Suivant ({count})",
    "Copy link": "Copier le lien",
    "Save video": "Enregistrer la vidéo",
    "Photo": "Photo",
    "Message": "Message",
    "Allow {app} to take pictures and record video?": (
        "Autoriser {app} à prendre des photos et enregistrer des vidéos ?"
    ),
    "Allow {app} to record audio?": "Autoriser {app} à enregistrer de l'audio ?",
    "Allow {app} to access photos and videos on this device?": (
        "Autoriser {app} à accéder aux photos et vidéos de cet appareil ?"
    ),
    "Allow {app} to send you notifications?": "Autoriser {app} à vous envoyer des notifications ?",
    "Allow {app} to access your contacts?": "Autoriser {app} à accéder à vos contacts ?",
    "Allow": "Autoriser",
}

_FRENCH = {**_SEEN, **_FRENCH_FIRST, **_ENGLISH_FIRST, **_UNSEEN}
LANGUAGES = ("en", "fr")


@cache
def _table(source: str, target: str) -> dict[str, str]:
    if (source, target) == ("en", "fr"):
        return _FRENCH
    if (source, target) == ("fr", "en"):
        return {french: english for english, french in _FRENCH.items()}
    return {}


def translated(text: str, source: str, target: str) -> str:
    """The string in the other language, or itself when it is not one of the apps' fixed strings."""
    return _table(source, target).get(text, text)


def say(language: str, english: str, **values: object) -> str:
    """A fixed string in the phone's language, with `{name}` filled in."""
    return translated(english, "en", language).format(**values)
