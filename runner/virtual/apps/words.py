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
    "How do you like the app?": "Que penses-tu de l'application ?",
    "Help us make it better.": "Aide-nous à l'améliorer.",
    "Start": "Commencer",
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
    "Sounds": "Sons",
    "Search sounds": "Rechercher des sons",
    "No results found": "Aucun résultat trouvé",
    "Confirm": "Confirmer",
    "Volume": "Volume",
    "Added sound": "Son ajouté",
    "Done": "Terminé",
    "Allow comments": "Autoriser les commentaires",
    "Allow reuse of content": "Autoriser la réutilisation du contenu",
    "Save posts to device": "Enregistrer les publications sur l'appareil",
    "AI-generated content": "Contenu généré par l'IA",
    "Label your AI-generated content": "Signale ton contenu généré par l'IA",
    "Event": "Événement",
    "Product": "Produit",
    "Add products": "Ajouter des produits",
    "No products yet": "Aucun produit pour le moment",
    "Product name": "Nom du produit",
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

# Instagram's own words, where TikTok has others or none; it addresses people formally. Its dumps are in
# English only: the French of these is known from public automation code for Instagram 410.
_INSTAGRAM_KNOWN = {
    "Message": "Envoyer un message",
    "Add to story": "Ajouter à la story",
    "Your story": "Votre story",
    "Gallery": "Galerie",
    "Edit video": "Modifier la vidéo",
    "Your profile. No story": "Votre profil. Aucune story",
    "Edit profile": "Modifier le profil",
    "Share profile": "Partager le profil",
    "Comment": "Commentaire",
    "Send post": "Envoyer la publication",
    "Add to Saved": "Ajouter aux enregistrements",
    "Suggested for you": "Suggestions pour vous",
    "Sponsored": "Sponsorisé",
    "Dismiss": "Fermer",
    "Original audio": "Audio original",
    "Password": "Mot de passe",
    "Password,": "Mot de passe,",
    "Forgot password?": "Mot de passe oublié ?",
    "Create new account": "Créer un compte",
    "Username, email or mobile number": "Nom de profil, e-mail ou numéro de mobile",
    "Username, email or mobile number,": "Nom de profil, e-mail ou numéro de mobile,",
    "Keep editing your draft?": "Continuer la modification de votre brouillon ?",
    "If you start a new video, this draft will be saved.": (
        "Si vous commencez une nouvelle vidéo, ce brouillon sera enregistré."
    ),
    "Start new video": "Commencer une nouvelle vidéo",
    "Save your login info?": "Enregistrer vos informations de connexion ?",
    "No comments yet": "Aucun commentaire",
    "Reel by {name} at row {row}, column {column}": "Reel de {name} à la ligne {row}, colonne {column}",
    "Reel by {name}. Double tap to play or pause.": (
        "Reel de {name}. Appuyez deux fois pour lire ou mettre en pause."
    ),
    "{count}posts": "{count}publications",
}

# The French of these is ours.
_INSTAGRAM_UNSEEN = {
    "Search and explore": "Rechercher et explorer",
    "Instagram Home Feed": "Fil d'actualité Instagram",
    "reels tray container": "conteneur de la barre des stories",
    "For you": "Pour vous",
    "Friends": "Amis",
    "More actions for this post": "Plus d'actions pour cette publication",
    "User avatars": "Avatars des utilisateurs",
    "{name}'s story, {at} of {count}, Unseen.": "Story de {name}, {at} sur {count}, non vue.",
    "{name}'s story, {at} of {count}, Seen.": "Story de {name}, {at} sur {count}, vue.",
    "{name} posted a video {seconds} seconds ago": "{name} a publié une vidéo il y a {seconds} secondes",
    "{name} posted a photo {seconds} seconds ago": "{name} a publié une photo il y a {seconds} secondes",
    "{seconds} seconds ago": "Il y a {seconds} secondes",
    "Profile picture of {name}": "Photo de profil de {name}",
    "Photo by {name}, {likes} likes, {comments} comments": (
        "Photo de {name}, {likes} J'aime, {comments} commentaires"
    ),
    "Photo by {name} at row {row}, column {column}": "Photo de {name} à la ligne {row}, colonne {column}",
    # Uploads
    "Keep Instagram open to finish posting…": "Gardez Instagram ouvert pour terminer la publication…",
    "Posting to {name}…": "Publication sur {name}…",
    "Posted! All set.": "Publié ! C'est fait.",
    "Posted! Nicely done.": "Publié ! Bien joué.",
    "Want to send it to friends?": "Voulez-vous l'envoyer à des amis ?",
    "Send": "Envoyer",
    "Video can't be posted": "Impossible de publier la vidéo",
    "Photo can't be posted": "Impossible de publier la photo",
    "Sharing to Reels…": "Partage sur Reels…",
    "Done posting. Want to send it directly to friends?": (
        "Publication terminée. Voulez-vous l'envoyer directement à des amis ?"
    ),
    "This reel is unavailable.": "Ce reel n'est pas disponible.",
    "Create a reel": "Créer un reel",
    "Reel by . Double tap to play or pause.": "Reel de . Appuyez deux fois pour lire ou mettre en pause.",
    "Reel by null. Double tap to play or pause.": (
        "Reel de null. Appuyez deux fois pour lire ou mettre en pause."
    ),
    "Repost": "Republier",
    "More": "Plus",
    "View insights": "Voir les statistiques",
    "Boost reel": "Booster le reel",
    # Profiles and accounts
    "Create New": "Créer",
    "View profile on Threads": "Voir le profil sur Threads",
    "Your profile. Story": "Votre profil. Story",
    "posts": "publications",
    "following": "suivi(e)s",
    "Professional dashboard": "Tableau de bord professionnel",
    "Professional dashboard entry point": "Accès au tableau de bord professionnel",
    "Create highlight": "Créer une story à la une",
    "New": "Nouveau",
    "Grid view": "Vue grille",
    "Photos of you": "Photos de vous",
    "Add Instagram account": "Ajouter un compte Instagram",
    "Go to Accounts Center": "Accéder à l'Espace Comptes",
    "Profile picture": "Photo de profil",
    "Posts": "Publications",
    # Creating
    "Post": "Publication",
    "Highlight": "Story à la une",
    "Ad": "Publicité",
    "Fundraiser": "Collecte de dons",
    "Create new reel": "Créer un reel",
    "Create new post": "Créer une publication",
    "Create new story": "Créer une story",
    "Create new fundraiser": "Créer une collecte de dons",
    "New reel": "Nouveau reel",
    "New post": "Nouvelle publication",
    "POST": "PUBLICATION",
    "TEMPLATES": "MODÈLES",
    "Back to Home": "Retour à l'accueil",
    "Camera settings": "Paramètres de l'appareil photo",
    "Story Settings": "Paramètres de story",
    "Open camera": "Ouvrir l'appareil photo",
    "Camera": "Appareil photo",
    "Drafts · {count}": "Brouillons · {count}",
    "Select album": "Sélectionner un album",
    "Album switcher, {album}, button, double tap to change album": (
        "Sélecteur d'album, {album}, bouton, appuyez deux fois pour changer d'album"
    ),
    "Select multiple, activate to select multiple photos in your gallery": (
        "Sélection multiple, activez pour sélectionner plusieurs photos dans votre galerie"
    ),
    "Select multiple button": "Bouton Sélection multiple",
    "SELECT MULTIPLE": "SÉLECTION MULTIPLE",
    "Video preview thumbnail": "Miniature d'aperçu de la vidéo",
    "Unselected Video thumbnail created on {when}": "Non sélectionné Miniature de vidéo créée le {when}",
    "Selected Video thumbnail created on {when}": "Sélectionné Miniature de vidéo créée le {when}",
    "Selected media number {number} Video thumbnail created on {when}": (
        "Sélectionné média numéro {number} Miniature de vidéo créée le {when}"
    ),
    "Unselected Photo thumbnail created on {when}": "Non sélectionné Miniature de photo créée le {when}",
    "Selected Photo thumbnail created on {when}": "Sélectionné Miniature de photo créée le {when}",
    "Selected media number {number} Photo thumbnail created on {when}": (
        "Sélectionné média numéro {number} Miniature de photo créée le {when}"
    ),
    # Editors
    "Double tap for tools that edit your video clips.": (
        "Appuyez deux fois pour accéder aux outils de modification de vos clips vidéo."
    ),
    "Add audio": "Ajouter de l'audio",
    "Add text": "Ajouter du texte",
    "Add sticker": "Ajouter un sticker",
    "Voiceover": "Voix off",
    "Add clips": "Ajouter des clips",
    "Save": "Enregistrer",
    "Overlay": "Superposition",
    "Explore audio": "Explorer l'audio",
    "Tap to browse": "Appuyez pour parcourir",
    "Swipe up to edit": "Balayez vers le haut pour modifier",
    "Reel preview playing": "Aperçu du reel en cours de lecture",
    "Save draft?": "Enregistrer le brouillon ?",
    "If you go back now, you will lose this draft.": (
        "Si vous revenez en arrière maintenant, vous perdrez ce brouillon."
    ),
    "Start over": "Recommencer",
    "Save draft": "Enregistrer le brouillon",
    "Keep editing": "Continuer la modification",
    "Emojis and stickers": "Emojis et stickers",
    "More actions": "Plus d'actions",
    "Add a caption…": "Ajouter une légende…",
    "Close Friends": "Amis proches",
    "Your stories can now reach more people": "Vos stories peuvent désormais toucher plus de personnes",
    "Now anyone can share your public stories to theirs, too. You can update this anytime in settings.": (
        "Désormais, tout le monde peut aussi partager vos stories publiques dans les siennes. "
        "Vous pouvez modifier cela à tout moment dans les paramètres."
    ),
    "View settings": "Voir les paramètres",
    # Composer
    "Write a caption and add hashtags…": "Écrivez une légende et ajoutez des hashtags…",
    "Double tap to edit cover photo": "Appuyez deux fois pour modifier la photo de couverture",
    "Link a reel": "Associer un reel",
    "Poll": "Sondage",
    "Prompt": "Invitation",
    "Rewrite": "Reformuler",
    "Tag people": "Identifier des personnes",
    "Add location": "Ajouter un lieu",
    "People you share this content with can see the location you tag and view this content on the map.": (
        "Les personnes avec qui vous partagez ce contenu peuvent voir le lieu que vous identifiez "
        "et voir ce contenu sur la carte."
    ),
    "Rename audio": "Renommer l'audio",
    "Original Audio": "Audio original",
    "Add AI label": "Ajouter un label IA",
    "We require you to label certain realistic content that's made with AI. Learn more": (
        "Vous devez ajouter un label à certains contenus réalistes créés avec l'IA. En savoir plus"
    ),
    "Everyone": "Tout le monde",
    "Also share on…": "Partager aussi sur…",
    "Others can now download and share your reels": (
        "D'autres personnes peuvent désormais télécharger et partager vos reels"
    ),
    # Comments
    "Add a comment for {name}": "Ajouter un commentaire pour {name}",
    "Start the conversation.": "Lancez la conversation.",
    # Popups
    "Rate Instagram": "Évaluer Instagram",
    "Remind me later": "Me le rappeler plus tard",
    "No, thanks": "Non, merci",
    "If you enjoy using Instagram, would you mind taking a moment to rate it? "
    "It won't take more than a minute. Thanks for your support!": (
        "Si vous aimez utiliser Instagram, voulez-vous prendre un moment pour l'évaluer ? "
        "Cela ne prendra pas plus d'une minute. Merci de votre soutien !"
    ),
    "Turn on notifications": "Activer les notifications",
    "Know when people like or comment on your posts.": (
        "Sachez quand des personnes aiment ou commentent vos publications."
    ),
    "We'll save the login info for this account, so you won't need to enter it next time.": (
        "Nous enregistrerons les informations de connexion de ce compte, "
        "vous n'aurez pas à les saisir la prochaine fois."
    ),
    # Accounts that cannot be used
    "English (US)": "Français (France)",
    "Instagram from Meta": "Instagram de Meta",
    "Meta logo": "Logo Meta",
    "Confirm you're human": "Confirmez que vous êtes un être humain",
    "Can't read this text? Hear this code or Get a new code": (
        "Vous n'arrivez pas à lire ce texte ? Écouter ce code ou Obtenir un nouveau code"
    ),
    "Hear this code": "Écouter ce code",
    "Get a new code": "Obtenir un nouveau code",
    "Enter the code from the image": "Saisissez le code de l'image",
    "Confirm you're a real person with a video selfie": (
        "Confirmez que vous êtes une personne réelle avec un selfie vidéo"
    ),
    "We need more info to make sure you're human.": (
        "Nous avons besoin de plus d'informations pour vérifier que vous êtes un être humain."
    ),
    "Your selfie will only be used to confirm your identity and to keep our community safe.": (
        "Votre selfie servira uniquement à confirmer votre identité et à protéger notre communauté."
    ),
    "It will be deleted within 30 days.": "Il sera supprimé sous 30 jours.",
    "Make sure your face can be clearly seen. Read tips": (
        "Assurez-vous que votre visage est bien visible. Lire les conseils"
    ),
    "Start video selfie": "Commencer le selfie vidéo",
    "Upload your ID": "Importez votre pièce d'identité",
    "Upload a photo": "Importer une photo",
    "Submit": "Envoyer",
    "We suspended your account, {name}": "Nous avons suspendu votre compte, {name}",
    "180 days left to appeal or we'll permanently disable your account": (
        "Il vous reste 180 jours pour faire appel avant la désactivation définitive de votre compte"
    ),
    "Suspended on {when}": "Suspendu le {when}",
    "We disabled your account": "Nous avons désactivé votre compte",
    "You no longer have access to {name}": "Vous n'avez plus accès à {name}",
    "Account disabled on {when}": "Compte désactivé le {when}",
    "Why this happened": "Pourquoi cela s'est produit",
    "What this means": "Ce que cela signifie",
    "What you can do": "Ce que vous pouvez faire",
    "More information": "Plus d'informations",
    "Read more about this rule": "En savoir plus sur cette règle",
    "How we made this decision": "Comment nous avons pris cette décision",
    "Your account may be associated with another account that has gone against our rules. "
    "This doesn't follow our Community Standards on account integrity.": (
        "Votre compte est peut-être associé à un autre compte qui a enfreint nos règles. "
        "Cela ne respecte pas nos Standards de la communauté sur l'intégrité des comptes."
    ),
    "Your account is not visible to people on Instagram right now, and you cannot use it.": (
        "Votre compte n'est pas visible sur Instagram pour le moment, et vous ne pouvez pas l'utiliser."
    ),
    "If you have a Facebook or Instagram account that's suspended log into that account "
    "for more information on what to do next.": (
        "Si vous avez un compte Facebook ou Instagram suspendu, connectez-vous à ce compte "
        "pour savoir quoi faire."
    ),
    "If you think we made a mistake, start an appeal to get back into your account.": (
        "Si vous pensez qu'il s'agit d'une erreur, faites appel pour récupérer votre compte."
    ),
    "You can access a copy of what you've shared on Instagram. Download a copy": (
        "Vous pouvez accéder à une copie de ce que vous avez partagé sur Instagram. Télécharger une copie"
    ),
    "We reviewed your account and found that it still doesn't follow our Community Standards "
    "on account integrity.": (
        "Nous avons examiné votre compte : il ne respecte toujours pas nos Standards de la communauté "
        "sur l'intégrité des comptes."
    ),
    "No one can see or find your account and you can't use it. "
    "All your information will be permanently deleted.": (
        "Personne ne peut voir ni trouver votre compte et vous ne pouvez pas l'utiliser. "
        "Toutes vos informations seront supprimées définitivement."
    ),
    "You cannot request another review of this decision.": (
        "Vous ne pouvez pas demander un nouvel examen de cette décision."
    ),
    "You can download your information so that you have a copy of what you shared on Instagram.": (
        "Vous pouvez télécharger vos informations pour garder une copie de ce que vous avez partagé "
        "sur Instagram."
    ),
    "Appeal": "Faire appel",
    "Log out": "Se déconnecter",
    "Download a copy": "Télécharger une copie",
    "download your information": "télécharger vos informations",
}
_INSTAGRAM = {**_INSTAGRAM_KNOWN, **_INSTAGRAM_UNSEEN}

_TIKTOK = {**_SEEN, **_FRENCH_FIRST, **_ENGLISH_FIRST, **_UNSEEN}
_FRENCH = {"tiktok": _TIKTOK, "instagram": {**_TIKTOK, **_INSTAGRAM}}
LANGUAGES = ("en", "fr")


def french(app: str) -> dict[str, str]:
    """The French of every English string that this app ("tiktok" or "instagram") says."""
    return _FRENCH[app]


@cache
def _table(source: str, target: str, app: str) -> dict[str, str]:
    if (source, target) == ("en", "fr"):
        return _FRENCH[app]
    if (source, target) == ("fr", "en"):
        return {translation: english for english, translation in _FRENCH[app].items()}
    return {}


def translated(text: str, source: str, target: str, *, package: str = "") -> str:
    """The string in the other language, or itself when it is not one of the app's fixed strings."""
    app = "instagram" if package.startswith("com.instagram.") else "tiktok"
    return _table(source, target, app).get(text, text)


def say(language: str, english: str, *, package: str = "", **values: object) -> str:
    """A fixed string in the phone's language, with `{name}` filled in."""
    return translated(english, "en", language, package=package).format(**values)
